"""One run as pure functions of its state, its numbers and the samples: an epoch, and the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import optax
from braintools.surrogate import Surrogate
from jax import Array

from .experiment import Experiment
from .model import (
    Values,
    Weights,
    initialised,
    operations,
    put,
    run_over,
    seeded,
    spike_count,
    watched,
)
from .tasks import Rows, Samples

Build = Callable[[Mapping[str, Any]], Surrogate]


class Given(NamedTuple):
    """All that a run is given, besides the samples that all runs share."""

    key: Array
    numbers: dict[str, Array]  # learning_rate, epochs, and those of its surrogate
    rows: Rows


class Curves(NamedTuple):
    """Numbers by epoch; NaN for those that are still to come."""

    loss: Array  # mean over the batches
    score: Array  # on the validation part; NaN once outputs are not finite
    firing_rate: Array  # spikes per neuron and step, there


class State(NamedTuple):
    """A run between two epochs."""

    weights: Weights
    optimizer: Any
    epoch: Array
    curves: Curves
    best: Weights  # those of the best validation score
    best_score: Array
    best_epoch: Array


class Tested(NamedTuple):
    """Scores and firing on the test part."""

    score: Array
    best_score: Array  # with the weights of the best epoch
    firing_rate: Array
    spikes: Array  # per sample
    operations: Array  # synaptic ones per sample


class Outcome(NamedTuple):
    """One run: its curves, its scores, its time and memory, and the trained weights."""

    curves: Curves
    tested: Tested
    best_epoch: int
    seconds: float  # per epoch: an equal share of the time of runs that train together
    bytes: int | None  # of the program that trains some runs at once
    one_by_one: str | None  # why the model could not be vmapped
    worker: Mapping[str, Any]  # where it was trained
    weights: Values  # after the last epoch, and all other states that outlive a batch


def initial_weights(experiment: Experiment, surrogate: Surrogate, seed: int) -> Weights:
    """The initial weights that a seed gives, whatever the surrogate is."""
    _, states = experiment.start(surrogate, seed)
    if not states.trained:
        raise ValueError(
            "the model must have something to train, got no brainstate.ParamState of real numbers. "
            "Keep weights in ParamStates, as the layers of brainstate.nn do"
        )
    return states.values


def initial_state(experiment: Experiment, surrogate: Surrogate, seed: int) -> State:
    """The state before the first epoch."""
    weights = initial_weights(experiment, surrogate, seed)
    optimizer = experiment.optimizer_for(1.0, 1).init(jax.tree.leaves(weights.trained))
    zero, real = jnp.zeros((), jnp.int32), jnp.result_type(float)
    curves = Curves(*(jnp.full(experiment.epochs, jnp.nan, real) for _ in Curves._fields))
    worst = jnp.asarray(-jnp.inf, real)  # no weak type: checkpoints have none
    return State(weights, optimizer, zero, curves, weights, worst, zero)


def epoch_of(build: Build, experiment: Experiment) -> Callable:
    """``((state, given), samples) -> state``, of one run."""
    size, batches = experiment.batch_size, experiment.batches

    def epoch(run: tuple[State, Given], samples: Samples) -> State:
        state, (key, numbers, rows) = run
        surrogate = build(numbers)
        # The user's optimizer may need an int; ours takes a traced number.
        length = numbers["epochs"] if experiment.optimizer is None else experiment.epochs
        optimizer = experiment.optimizer_for(numbers["learning_rate"], length)

        def step(carry: tuple[Weights, Any], batch: tuple[Array, Array]) -> tuple[Any, Array]:
            (weights, moments), (number, chosen) = carry, batch
            taken = Samples(samples.inputs[chosen], samples.labels[chosen])
            draw = key, state.epoch * batches + number
            loss_of = lambda values: _loss(
                weights._replace(trained=values), taken, draw, surrogate, experiment
            )
            (loss, kept), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights.trained)
            values, structure = jax.tree.flatten(weights.trained)
            changes, moments = optimizer.update(jax.tree.leaves(gradient), moments, values)
            trained = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
            return (Weights(trained, kept), moments), loss

        orders, _ = jax.random.split(key)
        order = jax.random.permutation(jax.random.fold_in(orders, state.epoch), rows.train)
        batched = jnp.arange(batches), order[: batches * size].reshape(batches, size)
        carry = state.weights, state.optimizer
        (weights, moments), losses = jax.lax.scan(step, carry, batched)
        score, rate, _ = evaluated(weights, key, surrogate, samples, rows.validation, experiment)
        return _after(state, weights, moments, Curves(losses.mean(), score, rate))

    return epoch


def _after(state: State, weights: Weights, moments: Any, now: Curves) -> State:
    epoch, better = state.epoch + 1, now.score > state.best_score
    curves = jax.tree.map(lambda curve, x: curve.at[state.epoch].set(x), state.curves, now)
    choose = lambda new, old: jnp.where(better, new, old)
    best = jax.tree.map(choose, weights, state.best)
    scores = choose(now.score, state.best_score), choose(epoch, state.best_epoch)
    return State(weights, moments, epoch, curves, best, *scores)


def _loss(
    weights: Weights,
    samples: Samples,
    draw: tuple[Array, Array],  # the key of the run, and the number of the batch
    surrogate: Surrogate,
    experiment: Experiment,
) -> tuple[Array, Values]:
    key, number = draw
    with seeded(key):
        model = experiment.model(surrogate)
    _, draws = jax.random.split(key)
    with seeded(jax.random.fold_in(draws, number)):
        states = initialised(model, len(samples.labels))
        put(states, weights)
        outputs = run_over(model, samples.inputs, fit=True, of_step=experiment.task.to_model)
    objective = experiment.objective
    return _scalar(objective.loss(objective.read(outputs), samples.labels)), states.values.kept


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
        put(initialised(model, len(rows)), weights)
        inputs, of_step = samples.inputs, experiment.task.to_model
        outputs, spikes, neurons = watched(model, inputs, rows, of_step, spike_count)
    finite = jnp.all(jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(outputs)]))
    objective = experiment.objective
    score = _scalar(objective.score(objective.read(outputs), samples.labels[rows]))
    total, steps = spikes.sum(), inputs.shape[1]
    return jnp.where(finite, score, jnp.nan), total / (steps * max(1, neurons)), total / len(rows)


def test_of(build: Build, experiment: Experiment) -> Callable:
    """``((state, given), samples) -> Tested``, of one run."""

    def tested(run: tuple[State, Given], samples: Samples) -> Tested:
        state, (key, numbers, rows) = run
        both, surrogate = stacked([state.weights, state.best]), build(numbers)
        look = lambda weights: evaluated(weights, key, surrogate, samples, rows.test, experiment)
        scores, rates, spikes = jax.lax.map(look, both)
        with seeded(key):
            model = experiment.model(surrogate)
            put(initialised(model, len(rows.test)), state.weights)
            counted = operations(model, samples.inputs, rows.test, experiment.task.to_model)
        return Tested(scores[0], scores[1], rates[0], spikes[0], counted)

    return tested


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of equal form as one, whose leaves have a row for each."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _scalar(value: Any) -> Array:
    return jnp.mean(u.get_mantissa(value))
