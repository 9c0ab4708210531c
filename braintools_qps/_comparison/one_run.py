"""One run as pure functions of its checkpoint, of what it is given, and of the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import optax
from braintools.surrogate import Surrogate
from jax import Array

from ..typing import Model
from .contexts import seeded
from .experiment import RATE, Experiment
from .model import Weights, initialised, operations, outputs_in_training, set_values, watched
from .runs import History, Tested
from .tasks import Samples, Split
from .typing import Number, Outputs, Setting, Values

Carry = tuple[Weights, optax.OptState]


class Given(NamedTuple):
    """All that a run is given, besides the samples that all runs share."""

    key: Array
    numbers: dict[str, Array]  # the learning rate, and those of its surrogate
    rows: Split


class Checkpoint(NamedTuple):
    """A run between two epochs."""

    weights: Weights
    optimizer: optax.OptState
    epoch: Array
    history: History


def initial_weights(experiment: Experiment, surrogate: Surrogate, seed: int) -> Weights:
    """The initial weights of a seed.

    Raises
    ------
    ValueError
        If the model has nothing to train.
    """
    _, states = experiment.start(surrogate, seed)
    if not states.trained:
        raise ValueError(
            "the model must have something to train, got no brainstate.ParamState of real numbers. "
            "Keep weights in ParamStates, as the layers of brainstate.nn do"
        )
    return states.values


def initial_checkpoint(experiment: Experiment, weights: Weights, rate: float) -> Checkpoint:
    """The checkpoint before the first epoch; the optimizer's state may hold the rate."""
    optimizer = experiment.optimizer_for(jnp.float32(rate))
    state = optimizer.init(jax.tree.leaves(weights.trained))
    zero, real = jnp.zeros((), jnp.int32), jnp.result_type(float)
    history = History(*(jnp.full(experiment.epochs, jnp.nan, real) for _ in History._fields))
    return Checkpoint(weights, state, zero, history)


@dataclass(frozen=True, eq=False)
class Training:
    """One run as functions of a checkpoint, of what it is given, and of the samples."""

    build: Callable[[Setting], Surrogate]  # of numbers, which may be traced
    experiment: Experiment

    def epoch(self, run: tuple[Checkpoint, Given], samples: Samples) -> Checkpoint:
        """The checkpoint after one more epoch."""
        checkpoint, (key, numbers, rows) = run
        surrogate = self.build(numbers)
        size, batches = self.experiment.batch_size, self.experiment.batches
        orders, draws = jax.random.split(key)

        def step(carry: Carry, batch: tuple[Array, Array]) -> tuple[Carry, Array]:
            number, chosen = batch
            taken = Samples(samples.inputs[chosen], samples.labels[chosen])
            draw = jax.random.fold_in(draws, checkpoint.epoch * batches + number)
            after, _ = self._step(carry, surrogate, numbers[RATE], taken, (key, draw))
            return after

        order = jax.random.permutation(jax.random.fold_in(orders, checkpoint.epoch), rows.train)
        batched = jnp.arange(batches), order[: batches * size].reshape(batches, size)
        carry = checkpoint.weights, checkpoint.optimizer
        (weights, moments), losses = jax.lax.scan(step, carry, batched)
        score, rate, _ = self._evaluated(weights, surrogate, key, samples, rows.validation)
        now = History(losses.mean(), score, rate)
        write = lambda curve, x: curve.at[checkpoint.epoch].set(x)
        history = jax.tree.map(write, checkpoint.history, now)
        return Checkpoint(weights, moments, checkpoint.epoch + 1, history)

    def probe(self, run: tuple[Checkpoint, Given], batch: Samples) -> Array:
        """Loss, score, and the norms of the gradient and of the first update, on a batch."""
        checkpoint, (key, numbers, _) = run
        carry = checkpoint.weights, checkpoint.optimizer
        (_, loss), (outputs, gradient, changes) = self._step(
            carry, self.build(numbers), numbers[RATE], batch, (key, key)
        )
        score = self.experiment.scoring.number("score", outputs, batch.labels)
        squares = lambda leaf: jnp.sum(jnp.square(u.get_mantissa(leaf)))
        norm = lambda leaves: jnp.sqrt(sum(map(squares, leaves)))
        return jnp.stack([loss, score, norm(gradient), norm(changes)])

    def test(self, run: tuple[Checkpoint, Given], samples: Samples) -> Tested:
        """Scores and firing on the test part."""
        checkpoint, (key, numbers, rows) = run
        surrogate, test = self.build(numbers), rows.test
        score, rate, spikes = self._evaluated(checkpoint.weights, surrogate, key, samples, test)
        with seeded(key):
            model = self._model(surrogate, len(test), checkpoint.weights)
            counted = operations(model, samples.inputs, test, self.experiment.task)
        return {
            "test": score,
            "firing_rate": rate,
            "spikes": spikes,
            "operations": jnp.where(jnp.isnan(spikes), jnp.nan, counted),
        }

    def _evaluated(
        self, weights: Weights, surrogate: Surrogate, key: Array, samples: Samples, rows: Array
    ) -> tuple[Array, Array, Array]:
        """Score on some samples, spikes per neuron and step, and spikes per sample.

        The score is NaN if outputs are not finite.
        """
        count = lambda number, x, spikes: jnp.sum(u.get_mantissa(spikes), dtype=jnp.float32)
        scoring, task = self.experiment.scoring, self.experiment.task
        with seeded(key):
            model = self._model(surrogate, len(rows), weights)
            outputs, spikes, neurons = watched(model, samples.inputs, rows, task, count)
        finite = jnp.all(jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(outputs)]))
        score = scoring.number("score", outputs, samples.labels[rows])
        total, steps = spikes.sum(), samples.inputs.shape[1]
        rate = total / (steps * max(1, neurons))
        return jnp.where(finite, score, jnp.nan), rate, total / len(rows)

    def _model(self, surrogate: Surrogate, samples: int, weights: Weights) -> Model:
        """A model with these weights, and states for this number of samples."""
        model = self.experiment.model(surrogate)
        set_values(initialised(model, samples, self.experiment.task), weights)
        return model

    def _step(
        self,
        carry: Carry,
        surrogate: Surrogate,
        rate: Array,
        batch: Samples,
        keys: tuple[Array, Array],
    ) -> tuple[tuple[Carry, Array], tuple[Outputs, list[Number], list[Number]]]:
        """A step of the optimizer: the states after it and the loss; outputs, gradient and changes.

        The keys make the model, and run it. The optimizer gets the weights as a list, in the order
        of their paths.
        """
        scoring, task, (key, draw) = self.experiment.scoring, self.experiment.task, keys
        (trained, kept), moments = carry

        def loss_of(trained: Values) -> tuple[Array, tuple[Values, Outputs]]:
            with seeded(key):
                model = self.experiment.model(surrogate)
            with seeded(draw):
                states = initialised(model, len(batch.labels), task)
                set_values(states, Weights(trained, kept))
                outputs = outputs_in_training(model, batch.inputs, task)
            loss = scoring.number("loss", outputs, batch.labels)
            return loss, (states.values.kept, outputs)

        (loss, (kept, outputs)), slopes = jax.value_and_grad(loss_of, has_aux=True)(trained)
        (values, structure), gradient = jax.tree.flatten(trained), jax.tree.leaves(slopes)
        optimizer = self.experiment.optimizer_for(rate)
        changes, moments = optimizer.update(gradient, moments, values)
        trained = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
        return ((Weights(trained, kept), moments), loss), (outputs, gradient, changes)
