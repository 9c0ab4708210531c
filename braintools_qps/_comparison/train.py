"""Trains groups of runs that differ only in numbers, so that one program serves a group.

`Trainer` takes the groups. `Training` is one run as pure functions of its checkpoint, its numbers
and the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from braintools.surrogate import Surrogate
from jax import Array

from .._surrogate import traceable
from .experiment import RATE, Experiment
from .kept import NEAR
from .model import Weights, initialised, operations, outputs_in_training, put, seeded, watched
from .numerics import machine, place
from .packing import Saved, like, raw
from .plan import Run
from .programs import Programs
from .runs import History, Outcome, Runs, Tested
from .tasks import Samples, Split
from .typing import Number, Setting, Tree, Values

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
    best: Weights  # those of the best validation score
    best_score: Array
    best_epoch: Array


def groups_of(runs: Sequence[Run], store: Runs, most: int | None = None) -> Iterator[list[Run]]:
    """Groups of runs of one candidate that one program can train and that have had as many epochs.

    A group has ``most`` runs at most.
    """
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        begun = None if run.kept else store.checkpoint(run.key)
        epochs = 0 if begun is None else begun.about["epochs"]
        alike.setdefault((run.candidate.label, _program_key(run), epochs), []).append(run)
    for group in alike.values():
        size = most or len(group)
        yield from (group[start : start + size] for start in range(0, len(group), size))


class Trainer:
    """Trains groups of runs of one experiment; keeps compiled programs for the next group."""

    def __init__(self, experiment: Experiment, width: int) -> None:
        self._experiment = experiment
        self._programs = Programs(experiment.task.samples, width)
        self._trainings: dict[Hashable, Training] = {}

    def train(
        self,
        group: Sequence[Run],
        *,
        store: Runs | None = None,
        on_epoch: Callable[[int, float], None] = lambda epochs, loss: None,
    ) -> list[Outcome]:
        """Train all runs for the epochs that are left, and test them.

        With a ``store``, checkpoints are kept there now and then, and training goes on from what is
        there. ``on_epoch`` is called with the epochs of all runs, and the mean loss.

        Runs with ``kept`` weights are tried: they are trained for one epoch, and the kept weights
        are tested.
        """
        count, seconds, given = len(group), [], self._given(group)
        training, epochs = self._training_of(group[0]), self._experiment.epochs
        begun, checkpoints = self._start(group, given, store)
        if begun:
            on_epoch(count * begun, _mean_loss(checkpoints, begun))
        for done in range(begun + 1, (1 if group[0].kept else epochs) + 1):
            checkpoints, took = self._programs.call(training.epoch, (checkpoints, given))
            seconds.append(took / count)
            on_epoch(count, _mean_loss(checkpoints, done))
            if store is not None and store.is_due() and done < epochs:
                store.write_checkpoints(_saved(group, checkpoints))
        if group[0].kept:
            checkpoints = stacked([*map(_with_kept, group, _rows(checkpoints))])
        peak = self._programs.bytes(training.epoch)  # before the test, for which fewer may fit
        tested, _ = self._programs.call(training.test, (checkpoints, given))
        return [
            Outcome(
                jax.tree.map(np.asarray, checkpoint.history),
                of_run,
                int(checkpoint.best_epoch),
                float(np.median(seconds or np.nan)),
                peak,
                place(),
                machine(),
                self._programs.width,
                {**checkpoint.weights.trained, **checkpoint.weights.kept},
            )
            for checkpoint, of_run in zip(_rows(checkpoints), _rows(tested))
        ]

    def _training_of(self, run: Run) -> Training:
        if (key := _program_key(run)) not in self._trainings:
            experiment = self._experiment.at(run.setting)
            self._trainings[key] = Training(traceable(run.surrogate).build, experiment)
        return self._trainings[key]

    def _start(
        self, group: Sequence[Run], given: Given, store: Runs | None
    ) -> tuple[int, Checkpoint]:
        """How many epochs each run has had, and its checkpoint: from the store, or initial.

        What is in the store is used if the numbers of its first epoch come out again.
        """
        experiment = self._experiment.at(group[0].setting)
        weights_of = cache(partial(initial_weights, experiment, group[0].surrogate))
        starts = [
            initial_checkpoint(experiment, weights_of(run.seed), self._rate(run)) for run in group
        ]
        saved = [store.checkpoint(run.key) if store else None for run in group]
        restored = [_in_form(each.arrays.values(), starts[0]) for each in saved if each]
        begun = [checkpoint for checkpoint in restored if checkpoint is not None]
        if len(begun) < len(group):
            return 0, stacked(starts)
        epoch = self._training_of(group[0]).epoch
        again, _ = self._programs.call(epoch, (stacked(starts), given))
        for new, old in zip(_rows(again.history), begun):
            if not np.allclose([x[0] for x in new], [x[0] for x in old.history], NEAR, 0, True):
                return 1, again
        return int(begun[0].epoch), stacked(begun)

    def _rate(self, run: Run) -> float:
        return run.setting.get(RATE, self._experiment.usual_rate)

    def _given(self, group: Sequence[Run]) -> Given:
        numbers = [traceable(run.surrogate).numbers | {RATE: self._rate(run)} for run in group]
        column = lambda name: jnp.array([run[name] for run in numbers], jnp.float32)
        splits = {seed: self._experiment.task.split(seed) for seed in {run.seed for run in group}}
        return Given(
            jnp.stack([jax.random.key(run.seed) for run in group]),
            {name: column(name) for name in numbers[0]},
            stacked([splits[run.seed] for run in group]),
        )


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
    worst = jnp.asarray(-jnp.inf, real)  # no weak type: checkpoints have none
    return Checkpoint(weights, state, zero, history, weights, worst, zero)


@dataclass(frozen=True, eq=False)
class Training:
    """One run as functions of a checkpoint, of what it is given, and of the samples."""

    build: Callable[[Setting], Surrogate]  # of numbers, which may be traced
    experiment: Experiment

    def epoch(self, run: tuple[Checkpoint, Given], samples: Samples) -> Checkpoint:
        """The checkpoint after one more epoch."""
        checkpoint, (key, numbers, rows) = run
        experiment, surrogate = self.experiment, self.build(numbers)
        size, batches = experiment.batch_size, experiment.batches
        optimizer = experiment.optimizer_for(numbers[RATE])
        orders, draws = jax.random.split(key)

        def step(carry: Carry, batch: tuple[Array, Array]) -> tuple[Carry, Array]:
            (weights, moments), (number, chosen) = carry, batch
            taken = Samples(samples.inputs[chosen], samples.labels[chosen])
            draw = key, jax.random.fold_in(draws, checkpoint.epoch * batches + number)
            loss_of = lambda values: self._loss(
                weights._replace(trained=values), surrogate, taken, draw
            )
            (loss, kept), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights.trained)
            values, structure = jax.tree.flatten(weights.trained)
            changes, moments = optimizer.update(jax.tree.leaves(gradient), moments, values)
            trained = jax.tree.unflatten(structure, optax.apply_updates(values, changes))
            return (Weights(trained, kept), moments), loss

        order = jax.random.permutation(jax.random.fold_in(orders, checkpoint.epoch), rows.train)
        batched = jnp.arange(batches), order[: batches * size].reshape(batches, size)
        carry = checkpoint.weights, checkpoint.optimizer
        (weights, moments), losses = jax.lax.scan(step, carry, batched)
        score, rate, _ = self._evaluated(weights, surrogate, key, samples, rows.validation)
        return _after(checkpoint, weights, moments, History(losses.mean(), score, rate))

    def test(self, run: tuple[Checkpoint, Given], samples: Samples) -> Tested:
        """Scores and firing on the test part."""
        checkpoint, (key, numbers, rows) = run
        both, surrogate = stacked([checkpoint.weights, checkpoint.best]), self.build(numbers)
        look = lambda weights: self._evaluated(weights, surrogate, key, samples, rows.test)
        scores, rates, spikes = jax.lax.map(look, both)
        with seeded(key):
            model = self.experiment.model(surrogate)
            put(initialised(model, len(rows.test), self.experiment.task), checkpoint.weights)
            counted = operations(model, samples.inputs, rows.test, self.experiment.task.to_model)
        return {
            "test": scores[0],
            "test_at_best_epoch": scores[1],
            "firing_rate": rates[0],
            "spikes": spikes[0],
            "operations": jnp.where(jnp.isnan(spikes[0]), jnp.nan, counted),
        }

    def _evaluated(
        self, weights: Weights, surrogate: Surrogate, key: Array, samples: Samples, rows: Array
    ) -> tuple[Array, Array, Array]:
        """Score on some samples, spikes per neuron and step, and spikes per sample.

        The score is NaN if outputs are not finite.
        """
        count = lambda spike, x, spikes: jnp.sum(u.get_mantissa(spikes), dtype=jnp.float32)
        scoring, of_step = self.experiment.scoring, self.experiment.task.to_model
        with seeded(key):
            model = self.experiment.model(surrogate)
            put(initialised(model, len(rows), self.experiment.task), weights)
            outputs, spikes, neurons = watched(model, samples.inputs, rows, of_step, count)
        finite = jnp.all(jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(outputs)]))
        score = _scalar(scoring.score(scoring.read(outputs), samples.labels[rows]))
        total, steps = spikes.sum(), samples.inputs.shape[1]
        rate = total / (steps * max(1, neurons))
        return jnp.where(finite, score, jnp.nan), rate, total / len(rows)

    def _loss(
        self, weights: Weights, surrogate: Surrogate, batch: Samples, keys: tuple[Array, Array]
    ) -> tuple[Array, Values]:
        """Loss and kept values; the model is made with the first key and runs with the second."""
        scoring, (key, draw) = self.experiment.scoring, keys
        with seeded(key):
            model = self.experiment.model(surrogate)
        with seeded(draw):
            states = initialised(model, len(batch.labels), self.experiment.task)
            put(states, weights)
            outputs = outputs_in_training(model, batch.inputs, self.experiment.task.to_model)
        return _scalar(scoring.loss(scoring.read(outputs), batch.labels)), states.values.kept


def _after(last: Checkpoint, weights: Weights, moments: optax.OptState, now: History) -> Checkpoint:
    epoch, better = last.epoch + 1, now.score > last.best_score
    history = jax.tree.map(lambda curve, x: curve.at[last.epoch].set(x), last.history, now)
    choose = lambda new, old: jnp.where(better, new, old)
    best = jax.tree.map(choose, weights, last.best)
    scores = choose(now.score, last.best_score), choose(epoch, last.best_epoch)
    return Checkpoint(weights, moments, epoch, history, best, *scores)


def stacked(trees: Sequence[Tree]) -> Tree:
    """Trees of equal form as one, whose leaves have a row for each."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _rows(tree: Tree) -> Iterator[Tree]:
    """The inverse of `stacked`."""
    count = len(jax.tree.leaves(tree)[0])
    return (jax.tree.map(lambda leaf, row=row: leaf[row], tree) for row in range(count))


def _scalar(value: Number) -> Array:
    return jnp.mean(u.get_mantissa(value))


def _mean_loss(checkpoints: Checkpoint, epoch: int) -> float:
    return float(checkpoints.history.loss[:, epoch - 1].mean())


def _saved(group: Sequence[Run], checkpoints: Checkpoint) -> dict[str, Saved]:
    """The checkpoints of runs by their keys, as files keep them."""
    leaves = [raw(leaf) for leaf in jax.tree.leaves(checkpoints)]
    about = {"epochs": int(checkpoints.epoch[0])}
    return {
        run.key: Saved(about, {str(n): leaf[row] for n, leaf in enumerate(leaves)})
        for row, run in enumerate(group)
    }


def _in_form(leaves: Iterable[np.ndarray], tree: Tree) -> Tree | None:
    """A tree of the same form with other leaves; None if they do not fit."""
    forms, structure = jax.tree.flatten(tree)
    values = [*map(like, leaves, forms)]
    form_of = lambda leaf: (np.shape(leaf), jnp.result_type(leaf))
    if len(values) == len(forms) and [*map(form_of, values)] == [*map(form_of, forms)]:
        return jax.tree.unflatten(structure, values)
    return None


def _with_kept(run: Run, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with the kept weights of a run, unless its model has others."""
    kept, own = run.kept or {}, checkpoint.weights
    leaves = jax.tree.leaves([{path: kept.get(path) for path in part} for part in own])
    return checkpoint._replace(weights=_in_form(leaves, own) or own)


def _program_key(run: Run) -> Hashable:
    """Key of a compiled program: all that it depends on."""
    return traceable(run.surrogate).key, run.program
