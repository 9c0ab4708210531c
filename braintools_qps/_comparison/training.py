"""Training as a pure function of states, data, numbers and a key."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import optax
from braintools.surrogate import Surrogate
from jax import Array

from .._surrogate import Traceable
from .factory import Factory
from .model import (
    Neurons,
    Values,
    initialised,
    make_frugal,
    put,
    run_over,
    seeded,
    values_of,
    watched,
)  # fmt: skip
from .objective import Objective
from .settings import Settings
from .tasks import Task

Numbers = dict[str, Array]  # of one run: learning_rate, clip, epochs, and of its surrogate


class Samples(NamedTuple):
    """A part of the data, or a batch of it."""

    inputs: Array  # (samples, steps, features)
    labels: Array


class Run(NamedTuple):
    """One training: a seed, and numbers that are traced."""

    seed: int
    numbers: Mapping[str, float]


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
    """What one epoch leaves behind; after training, stacked over epochs on the last axis."""

    loss: Array  # mean over the batches
    score: Array  # on the validation part; NaN once outputs are not finite
    firing_rate: Array  # spikes per neuron and step, there


class Tested(NamedTuple):
    """What the test part says."""

    score: Array
    best_score: Array  # with the weights of the best epoch
    firing_rate: Array
    spikes: Array  # per sample


@dataclass(frozen=True)
class Bench:
    """What all candidates of a comparison share."""

    factory: Factory
    task: Task
    settings: Settings
    objective: Objective
    options: Mapping[str, Any] = field(default_factory=dict)  # of the factory, besides its own

    @property
    def batch_size(self) -> int:
        """Number of samples in a batch."""
        return min(self.settings.batch_size, len(self.task.train))

    @property
    def batches(self) -> int:
        """Number of batches in an epoch."""
        return max(1, len(self.task.train) // self.settings.batch_size)

    def model(self, surrogate: Any) -> Any:
        """A fresh model with the surrogate in its neurons."""
        model = self.factory(self.task, surrogate, self.options)
        if self.settings.save_memory:
            make_frugal(model, self.task.normalised(self.task.train.inputs[:1]))
        return model


def initial_weights(bench: Bench, surrogate: Surrogate, seed: int) -> Weights:
    """The initial weights that a seed gives, whatever the surrogate is."""
    with seeded(jax.random.key(seed), seed):
        trained, kept = initialised(bench.model(surrogate), bench.batch_size)
    if not trained:
        raise ValueError(
            "the model must have something to train, got no brainstate.ParamState of real numbers. "
            "Keep weights in ParamStates, as the layers of brainstate.nn do"
        )
    return Weights(values_of(trained), values_of(kept))


def initial_state(bench: Bench, surrogate: Surrogate, seed: int) -> State:
    """Before the first epoch."""
    weights = initial_weights(bench, surrogate, seed)
    memory = bench.settings.transformation(1.0).init(jax.tree.leaves(weights.trained))
    zero = jnp.zeros((), jnp.int32)
    return State(weights, memory, zero, weights, jnp.asarray(-jnp.inf), zero)


def epoch_of(traceable: Traceable, bench: Bench) -> Callable:
    """``(state, key, numbers, train, validation) -> (state, Curves)``, of one run."""
    size, batches = bench.batch_size, bench.batches

    def epoch(
        state: State, key: Array, numbers: Numbers, train: Samples, validation: Samples
    ) -> tuple[State, Curves]:
        surrogate = traceable.build(numbers)

        def step(carry: tuple, batch: tuple[Array, Array]) -> tuple[tuple, Array]:
            index, rows = batch
            samples = Samples(train.inputs[rows], train.labels[rows])
            progress = state.epoch + index / batches
            weights, memory = carry
            draw = key, state.epoch * batches + index
            return training_step(
                weights, memory, samples, draw, numbers, progress, surrogate, bench
            )

        orders, _ = jax.random.split(key)
        of_epoch = jax.random.fold_in(orders, state.epoch)
        order = jax.random.permutation(of_epoch, len(train.labels))
        rows = order[: batches * size].reshape(batches, size)
        carry = state.weights, state.optimizer
        (weights, memory), losses = jax.lax.scan(step, carry, (jnp.arange(batches), rows))
        score, neurons = evaluated(weights, key, surrogate, validation, bench)
        state = _after(state, weights, memory, score, bench.settings.patience)
        return state, Curves(losses.mean(), score, neurons.firing_rate)

    return epoch


def training_step(
    weights: Weights,
    memory: Any,
    samples: Samples,
    draw: tuple[Array, Array],
    numbers: Numbers,
    progress: Array,
    surrogate: Surrogate,
    bench: Bench,
) -> tuple[tuple[Weights, Any], Array]:
    """One batch: ``draw`` is the run's key and the batch's number, ``progress`` epochs done."""
    loss_of = lambda trained: _loss(trained, weights.kept, samples, draw, surrogate, bench)
    (loss, kept), slopes = jax.value_and_grad(loss_of, has_aux=True)(weights.trained)
    values, structure = jax.tree.flatten(weights.trained)
    gradient = _clipped(jax.tree.leaves(slopes), numbers["clip"])
    rate = numbers["learning_rate"] * _decay(bench.settings, progress / numbers["epochs"])
    changes, memory = bench.settings.transformation(rate).update(gradient, memory, values)
    trained = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
    return (Weights(trained, kept), memory), loss


def _loss(
    trained: Values,
    kept: Values,
    samples: Samples,
    draw: tuple[Array, Array],
    surrogate: Surrogate,
    bench: Bench,
) -> tuple[Array, Values]:
    key, number = draw
    with seeded(key):
        model = bench.model(surrogate)
    _, draws = jax.random.split(key)
    with seeded(jax.random.fold_in(draws, number)):
        states = initialised(model, len(samples.labels))
        _fill(states, Weights(trained, kept))
        outputs = run_over(model, samples.inputs, fit=True, of_step=bench.task.normalised)
    loss = bench.objective.loss(bench.objective.read(outputs), samples.labels)
    return _scalar(loss), values_of(states[1])


def evaluated(
    weights: Weights, key: Array, surrogate: Surrogate, samples: Samples, bench: Bench
) -> tuple[Array, Neurons]:
    """Score, NaN where outputs are not finite, and what the neurons did."""
    with seeded(key):
        model = bench.model(surrogate)
        states = initialised(model, len(samples.labels))
        _fill(states, weights)
        outputs, neurons = watched(model, samples.inputs, of_step=bench.task.normalised)
    finite = jnp.all(jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(outputs)]))
    score = _scalar(bench.objective.score(bench.objective.read(outputs), samples.labels))
    return jnp.where(finite, score, jnp.nan), neurons


def tested_of(traceable: Traceable, bench: Bench) -> Callable:
    """``(state, key, numbers, test) -> Tested``, of one run."""

    def tested(state: State, key: Array, numbers: Numbers, test: Samples) -> Tested:
        both = jax.tree.map(lambda *x: jnp.stack(x), state.weights, state.best)
        surrogate = traceable.build(numbers)
        scores, neurons = jax.lax.map(lambda w: evaluated(w, key, surrogate, test, bench), both)
        return Tested(scores[0], scores[1], neurons.firing_rate[0], neurons.spikes[0])

    return tested


def _fill(states: tuple[dict[str, Any], dict[str, Any]], weights: Weights) -> None:
    for of_kind, values in zip(states, weights):
        put(of_kind, values)


def _clipped(gradient: list[Array], norm: Array) -> list[Array]:
    """Scaled down where the norm of all together is larger; infinity leaves it as it is.

    As by `optax.clip_by_global_norm`, which takes no traced norm for weights in half precision.
    """
    wide = [g.astype(jnp.promote_types(g.dtype, jnp.float32)) for g in gradient]
    size = jnp.sqrt(sum(jnp.sum(jnp.square(w)) for w in wide))
    scaled = lambda g: g / size.astype(g.dtype) * norm.astype(g.dtype)
    below = size < norm.astype(size.dtype)
    return [jnp.where(below, g, scaled(w).astype(g.dtype)) for g, w in zip(gradient, wide)]


def _decay(settings: Settings, progress: Array) -> Array | float:
    """Factor of the learning rate; ``progress`` runs from 0 to 1."""
    return 1.0 if settings.schedule == "constant" else 0.5 * (1 + jnp.cos(math.pi * progress))


def _after(
    state: State, weights: Weights, memory: Any, score: Array, patience: int | None
) -> State:
    epoch = state.epoch + 1
    better = score > state.best_score
    best = _chosen(better, weights, state.best)
    new = State(
        weights, memory, epoch, best,
        jnp.where(better, score, state.best_score), jnp.where(better, epoch, state.best_epoch),
    )  # fmt: skip
    if patience is None:
        return new
    return _chosen(state.epoch - state.best_epoch >= patience, state, new)


def _chosen(condition: Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), one, other)


def _scalar(value: Any) -> Array:
    return jnp.mean(u.get_mantissa(value))
