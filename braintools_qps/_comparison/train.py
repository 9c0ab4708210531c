"""Trains groups of runs that differ only in numbers, so that one program serves a group."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache, partial
from hashlib import sha256

import jax
import jax.numpy as jnp
import numpy as np

from .._surrogate import traceable
from .experiment import RATE, Experiment, text_of
from .one_run import Checkpoint, Given, Training, initial_checkpoint, initial_weights
from .packing import Saved, like, raw
from .plan import Run
from .programs import Programs, stacked, unstacked
from .runs import Outcome, Runs
from .tasks import Samples
from .tune import CALIBRATION_SEED as PROBE_SEED


def groups_of(runs: Sequence[Run], store: Runs, most: int | None = None) -> Iterator[list[Run]]:
    """Groups of runs of one candidate that one program can train, all trained equally far.

    A group has ``most`` runs at most.
    """
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        checkpoint = store.checkpoint(run.key)
        epochs = 0 if checkpoint is None else checkpoint.about["epochs"]
        alike.setdefault((run.candidate.label, _program_key(run), epochs), []).append(run)
    for group in alike.values():
        size = most or len(group)
        yield from (group[start : start + size] for start in range(0, len(group), size))


def probed(runs: Sequence[Run], trainer: Trainer) -> list[Run]:
    """The runs of a candidate with the probes of their settings, which end their keys.

    A probe is taken with one seed, the same for all, and with one program for runs that share one.
    """
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        if run.seed == runs[0].seed:
            alike.setdefault(_program_key(run), []).append(run._replace(seed=PROBE_SEED))
    probes = {
        text_of(run.setting): probe
        for group in alike.values()
        for run, probe in zip(group, trainer.probes(group))
    }
    return [_with_probe(run, probes[text_of(run.setting)]) for run in runs]


def _with_probe(run: Run, probe: np.ndarray) -> Run:
    key = f"{run.key}-{sha256(probe.tobytes()).hexdigest()[:8]}"
    return run._replace(key=key, probe=tuple(probe.tolist()))


class Trainer:
    """Trains groups of runs of one experiment; keeps compiled programs for the next group."""

    def __init__(self, experiment: Experiment, width: int, samples: Samples | None = None) -> None:
        self._experiment = experiment
        self._programs = Programs(samples or experiment.task.samples, width)
        self._trainings: dict[Hashable, Training] = {}

    @classmethod
    def of_probes(cls, experiment: Experiment) -> Trainer:
        """A trainer that has the first batch only."""
        task, rows = experiment.task, experiment.task.split(PROBE_SEED).train
        rows = rows[: experiment.batch_size]
        return cls(experiment, 1, Samples(task.samples.inputs[rows], task.samples.labels[rows]))

    def probes(self, group: Sequence[Run]) -> np.ndarray:
        """The probes of runs that one program can train, a row for each."""
        training, given = self._training_of(group[0]), self._given(group)
        _, starts = self._start(group, None)
        return np.asarray(self._programs.call(training.probe, (starts, given))[0], float)

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
        """
        count, seconds, given = len(group), [], self._given(group)
        training, epochs = self._training_of(group[0]), self._experiment.epochs
        begun, checkpoints = self._start(group, store)
        if begun:
            on_epoch(count * begun, _mean_loss(checkpoints, begun))
        for done in range(begun + 1, epochs + 1):
            checkpoints, took = self._programs.call(training.epoch, (checkpoints, given))
            seconds.append(took / count)
            on_epoch(count, _mean_loss(checkpoints, done))
            if store is not None and store.is_due() and done < epochs:
                store.write_checkpoints(_saved(group, checkpoints))
        return self._outcomes(training, checkpoints, given, seconds)

    def _outcomes(
        self, training: Training, checkpoints: Checkpoint, given: Given, seconds: Sequence[float]
    ) -> list[Outcome]:
        """The outcomes of runs whose training has ended; ``seconds`` has one number per epoch."""
        peak = self._programs.bytes(training.epoch)  # before the test, for which fewer may fit
        tested, _ = self._programs.call(training.test, (checkpoints, given))
        return [
            Outcome(
                jax.tree.map(np.asarray, checkpoint.history),
                of_run,
                float(np.median(seconds or np.nan)),
                peak,
                {**checkpoint.weights.trained, **checkpoint.weights.kept},
            )
            for checkpoint, of_run in zip(unstacked(checkpoints), unstacked(tested))
        ]

    def _training_of(self, run: Run) -> Training:
        if (key := _program_key(run)) not in self._trainings:
            experiment = self._experiment.at(run.setting)
            self._trainings[key] = Training(traceable(run.surrogate).build, experiment)
        return self._trainings[key]

    def _start(self, group: Sequence[Run], store: Runs | None) -> tuple[int, Checkpoint]:
        """How many epochs each run has had, and its checkpoint: from the store, or initial."""
        experiment = self._experiment.at(group[0].setting)
        weights_of = cache(partial(initial_weights, experiment, group[0].surrogate))
        starts = [
            initial_checkpoint(experiment, weights_of(run.seed), self._rate(run)) for run in group
        ]
        saved = [store.checkpoint(run.key) if store else None for run in group]
        forms, structure = jax.tree.flatten(starts[0])
        begun = [
            jax.tree.unflatten(structure, map(like, each.arrays.values(), forms))
            for each in saved
            if each
        ]
        if len(begun) < len(group):
            return 0, stacked(starts)
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


def _program_key(run: Run) -> Hashable:
    """Key of a compiled program: all that it depends on."""
    return traceable(run.surrogate).key, run.program
