"""One run as pure functions of states, data, numbers and a key: a step, an epoch, a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import optax
from braintools.surrogate import Surrogate
from jax import Array

from .experiment import Experiment
from .model import Values, initialised, put, run_over, seeded, values_of, watched
from .optimizers import counts_steps
from .tasks import Rows, Samples

Numbers = dict[str, Array]  # of one run: learning_rate, epochs, and those of its surrogate
Build = Callable[[Mapping[str, Any]], Surrogate]


class Weights(NamedTuple):
    """All that training changes in a model."""

    trained: Values
    kept: Values


class State(NamedTuple):
    """A run between two epochs."""

    weights: Weights
    optimizer: Any
    epoch: Array
    best: Weights  # those of the best validation score
    best_score: Array
    best_epoch: Array


class Curves(NamedTuple):
    """Numbers of one epoch; after training, stacked over epochs on the last axis."""

    loss: Array  # mean over the batches
    score: Array  # on the validation part; NaN once outputs are not finite
    firing_rate: Array  # spikes per neuron and step, there


class Tested(NamedTuple):
    """Scores and firing on the test part."""

    score: Array
    best_score: Array  # with the weights of the best epoch
    firing_rate: Array
    spikes: Array  # per sample


def initial_weights(experiment: Experiment, surrogate: Surrogate, seed: int) -> Weights:
    """The initial weights that a seed gives, whatever the surrogate is."""
    with seeded(jax.random.key(seed), seed):
        trained, kept = initialised(experiment.model(surrogate), experiment.batch_size)
    if not trained:
        raise ValueError(
            "the model must have something to train, got no brainstate.ParamState of real numbers. "
            "Keep weights in ParamStates, as the layers of brainstate.nn do"
        )
    return Weights(values_of(trained), values_of(kept))


def initial_state(experiment: Experiment, surrogate: Surrogate, seed: int) -> State:
    """The state before the first epoch."""
    weights = initial_weights(experiment, surrogate, seed)
    optimizer = experiment.optimizer_for(1.0, 1).init(jax.tree.leaves(weights.trained))
    zero = jnp.zeros((), jnp.int32)
    worst = jnp.asarray(-jnp.inf, jnp.result_type(float))  # no weak type: checkpoints have none
    return State(weights, optimizer, zero, weights, worst, zero)


def epoch_of(build: Build, experiment: Experiment) -> Callable:
    """``(state, key, numbers, rows, samples) -> (state, Curves)``, of one run."""
    size, batches = experiment.batch_size, experiment.batches
    # The user's optimizer may need an int; ours takes a traced number, to share the program.
    known = experiment.epochs if counts_steps(experiment.optimizer) else None

    def epoch(
        state: State, key: Array, numbers: Numbers, rows: Rows, samples: Samples
    ) -> tuple[State, Curves]:
        surrogate = build(numbers)
        length = numbers["epochs"] if known is None else known
        optimizer = experiment.optimizer_for(numbers["learning_rate"], length)

        def step(carry: tuple, batch: tuple[Array, Array]) -> tuple[tuple, Array]:
            index, chosen = batch
            taken = Samples(samples.inputs[chosen], samples.labels[chosen])
            draw = key, state.epoch * batches + index
            weights, moments = carry
            return training_step(weights, moments, taken, draw, surrogate, optimizer, experiment)

        orders, _ = jax.random.split(key)
        of_epoch = jax.random.fold_in(orders, state.epoch)
        order = jax.random.permutation(of_epoch, rows.train)
        batched = order[: batches * size].reshape(batches, size)
        carry = state.weights, state.optimizer
        (weights, moments), losses = jax.lax.scan(step, carry, (jnp.arange(batches), batched))
        score, rate, _ = evaluated(weights, key, surrogate, samples, rows.validation, experiment)
        return _after(state, weights, moments, score), Curves(losses.mean(), score, rate)

    return epoch


def training_step(
    weights: Weights,
    moments: Any,
    samples: Samples,
    draw: tuple[Array, Array],
    surrogate: Surrogate,
    optimizer: optax.GradientTransformation,
    experiment: Experiment,
) -> tuple[tuple[Weights, Any], Array]:
    """Train on one batch; ``draw`` is the key of the run and the number of the batch.

    ``moments`` is the state of the optimizer.
    """
    loss_of = lambda trained: _loss(trained, weights.kept, samples, draw, surrogate, experiment)
    (loss, kept), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights.trained)
    values, structure = jax.tree.flatten(weights.trained)
    changes, moments = optimizer.update(jax.tree.leaves(gradient), moments, values)
    trained = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
    return (Weights(trained, kept), moments), loss


def _loss(
    trained: Values,
    kept: Values,
    samples: Samples,
    draw: tuple[Array, Array],
    surrogate: Surrogate,
    experiment: Experiment,
) -> tuple[Array, Values]:
    key, number = draw
    with seeded(key):
        model = experiment.model(surrogate)
    _, draws = jax.random.split(key)
    with seeded(jax.random.fold_in(draws, number)):
        states = initialised(model, len(samples.labels))
        _fill(states, Weights(trained, kept))
        outputs = run_over(model, samples.inputs, fit=True, of_step=experiment.task.to_model)
    objective = experiment.objective
    loss = objective.loss(objective.read(outputs), samples.labels)
    return _scalar(loss), values_of(states[1])


def evaluated(
    weights: Weights,
    key: Array,
    surrogate: Surrogate,
    samples: Samples,
    rows: Array,
    experiment: Experiment,
) -> tuple[Array, Array, Array]:
    """Score on some samples, spikes per neuron and step, and spikes per sample.

    The score is NaN if outputs are not finite.
    """
    with seeded(key):
        model = experiment.model(surrogate)
        states = initialised(model, len(rows))
        _fill(states, weights)
        outputs, rate, spikes = watched(model, samples.inputs, rows, experiment.task.to_model)
    finite = jnp.all(jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(outputs)]))
    objective = experiment.objective
    score = _scalar(objective.score(objective.read(outputs), samples.labels[rows]))
    return jnp.where(finite, score, jnp.nan), rate, spikes


def test_of(build: Build, experiment: Experiment) -> Callable:
    """``(state, key, numbers, rows, samples) -> Tested``, of one run."""

    def tested(state: State, key: Array, numbers: Numbers, rows: Rows, samples: Samples) -> Tested:
        both = jax.tree.map(lambda *x: jnp.stack(x), state.weights, state.best)
        surrogate = build(numbers)
        look = lambda weights: evaluated(weights, key, surrogate, samples, rows.test, experiment)
        scores, rates, spikes = jax.lax.map(look, both)
        return Tested(scores[0], scores[1], rates[0], spikes[0])

    return tested


def _fill(states: tuple[dict[str, Any], dict[str, Any]], weights: Weights) -> None:
    for of_kind, values in zip(states, weights):
        put(of_kind, values)


def _after(state: State, weights: Weights, moments: Any, score: Array) -> State:
    epoch = state.epoch + 1
    better = score > state.best_score
    best = jax.tree.map(lambda a, b: jnp.where(better, a, b), weights, state.best)
    return State(
        weights, moments, epoch, best,
        jnp.where(better, score, state.best_score), jnp.where(better, epoch, state.best_epoch),
    )  # fmt: skip


def _scalar(value: Any) -> Array:
    return jnp.mean(u.get_mantissa(value))
