"""A group of runs as one compiled program: runs that differ in nothing but numbers, vmapped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from .._surrogate import adjusted, traceable
from .devices import is_full, present_devices, program_bytes
from .model import usual_promotion
from .optimizers import counts_steps
from .storage import Checkpoint
from .tasks import Rows, Samples
from .training import (
    Curves,
    Experiment,
    State,
    Tested,
    epoch_of,
    initial_state,
    test_of,
)

OnEpoch = Callable[[int, float, bool], None]  # epochs of all runs, mean loss, trained before


@dataclass(frozen=True)
class Job:
    """Trainings of one surrogate: the setting and the seed of each, for so many epochs."""

    surrogate: Surrogate
    runs: tuple[tuple[Mapping[str, Any], int], ...]
    epochs: int

    def part(self, numbers: Sequence[int]) -> Job:
        """Some of the runs."""
        return replace(self, runs=tuple(self.runs[number] for number in numbers))


class Outcome(NamedTuple):
    """One run: its curves by epoch, and what it took."""

    curves: Curves
    tested: Tested
    best_epoch: int
    seconds: float  # of an epoch, the time that a run takes of those that are trained together
    bytes: int | None  # of the program that trains some runs at once
    one_by_one: str | None  # why the model could not be vmapped
    worker: Mapping[str, Any] | None = None


def at_setting(surrogate: Surrogate, setting: Mapping[str, Any]) -> Surrogate:
    """The surrogate with its factors of dampening and scale, and its alpha."""
    return adjusted(
        surrogate,
        dampening=setting.get("dampening"),
        scale=setting.get("scale_factor"),
        alpha=setting.get("alpha"),
    )


def groups(job: Job, experiment: Experiment, most: int | None = None) -> list[list[int]]:
    """Numbers of the runs that one compiled program can train, in groups of ``most`` at most."""
    found: dict[Any, list[int]] = {}
    for number, (setting, _) in enumerate(job.runs):
        found.setdefault(_program_key(job, setting, experiment), []).append(number)
    return [
        numbers[start : start + (most or len(numbers))]
        for numbers in found.values()
        for start in range(0, len(numbers), most or len(numbers))
    ]


class Trainer:
    """Trains groups of runs of one experiment; keeps compiled programs for the next group."""

    def __init__(self, experiment: Experiment, most_runs: int) -> None:
        self._experiment, self._most_runs = experiment, most_runs
        self._samples = jax.device_put(experiment.task.samples, present_devices().whole)
        self._programs: dict[Any, _Program] = {}

    def train_group(
        self,
        job: Job,
        *,
        on_compile: Callable[[], None] = lambda: None,
        on_epoch: OnEpoch = lambda epochs, loss, known: None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Outcome]:
        """Train runs that share a program, from the checkpoint on if there is one."""
        setting = job.runs[0][0]
        key = _program_key(job, setting, self._experiment)
        if key not in self._programs:
            on_compile()
            experiment = self._experiment.at(setting)
            length = job.epochs if counts_steps(experiment.optimizer) else None
            surrogate = at_setting(job.surrogate, setting)
            self._programs[key] = _Program(
                experiment, surrogate, length, self._samples, self._most_runs
            )
        return self._programs[key].train(job, on_epoch, checkpoint)


class _Program:
    """An epoch and the test, compiled for as many runs at once as there is room for."""

    def __init__(
        self,
        experiment: Experiment,
        surrogate: Surrogate,
        epochs: int | None,
        samples: Samples,
        most_runs: int,
    ) -> None:
        self._experiment, self._surrogate = experiment, surrogate
        build = traceable(surrogate).build
        self._epoch, self._test = epoch_of(build, experiment, epochs), test_of(build, experiment)
        self._devices = present_devices()
        self._samples = samples
        self._width = self._devices.width(most_runs)
        self._compiled: dict[Callable, jax.stages.Compiled] = {}
        self._one_by_one: str | None = None
        self._initial: dict[int, State] = {}

    def train(self, job: Job, on_epoch: OnEpoch, checkpoint: Checkpoint | None) -> list[Outcome]:
        """Train all runs for the epochs that are left, and test them."""
        count, seconds = len(job.runs), []
        states, curves = self._start(job, checkpoint)
        if curves:
            on_epoch(count * len(curves), float(np.mean(curves[-1].loss)), True)
        shares = self._cut((states, *self._inputs(job)), count)
        for _ in range(len(curves), job.epochs):
            shares, done, took = self._each(self._epoch, shares, count)
            shares = [(state, *share[1:]) for (state, _), share in zip(done, shares)]
            curves.append(_joined([curve for _, curve in done], count))
            seconds.append(took / count)
            on_epoch(count, float(np.mean(curves[-1].loss)), False)
            if checkpoint is not None and checkpoint.is_due():
                states = _joined([state for state, *_ in shares], count, jnp)
                checkpoint.save(states, _stacked(curves))
        cost = float(np.median(seconds)) if seconds else math.nan
        outcome = partial(Outcome, seconds=cost, bytes=self._bytes, one_by_one=self._one_by_one)
        best = np.concatenate([state.best_epoch for state, *_ in shares])
        tested = _joined(self._each(self._test, shares, count)[1], count)
        row = lambda tree, number: jax.tree.map(lambda leaf: leaf[number], tree)
        by_run = _stacked(curves)
        return [
            outcome(row(by_run, number), row(tested, number), int(best[number]))
            for number in range(count)
        ]

    @property
    def _bytes(self) -> int | None:
        compiled = self._compiled.get(self._epoch)
        return None if compiled is None else program_bytes(compiled)

    def _start(self, job: Job, checkpoint: Checkpoint | None) -> tuple[State, list[Curves]]:
        like = lambda: initial_state(self._experiment, self._surrogate, job.runs[0][1])
        if checkpoint is not None and (found := checkpoint.load(jax.eval_shape(like))):
            return found[0], _by_epoch(Curves(*found[1]))
        seeds = [seed for _, seed in job.runs]
        for seed in {*seeds} - self._initial.keys():
            self._initial[seed] = initial_state(self._experiment, self._surrogate, seed)
        states = [self._initial[seed] for seed in seeds]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), []

    def _inputs(self, job: Job) -> tuple[Array, dict[str, Array], Rows]:
        """The key, the numbers and the split of each run."""
        keys = jnp.stack([jax.random.key(seed) for _, seed in job.runs])
        runs = [
            traceable(at_setting(job.surrogate, setting)).numbers
            | {"learning_rate": self._experiment.learning_rate(setting), "epochs": job.epochs}
            for setting, _ in job.runs
        ]
        column = lambda name: jnp.array([run[name] for run in runs], jnp.float32)
        splits = {seed: self._experiment.task.split(seed) for _, seed in job.runs}
        rows = Rows(*(jnp.stack(part) for part in zip(*(splits[seed] for _, seed in job.runs))))
        return keys, {name: column(name) for name in runs[0]}, rows

    def _cut(self, tree: Any, count: int) -> list[Any]:
        """Rows of as many runs as are trained at once; the last run fills up what is missing."""
        rows = [
            np.minimum(np.arange(start, start + self._width), count - 1)
            for start in range(0, count, self._width)
        ]
        cut = lambda some: jax.tree.map(lambda leaf: leaf[some], tree)
        return [jax.device_put(cut(some), self._devices.split) for some in rows]

    def _each(
        self, function: Callable, shares: list[tuple], count: int
    ) -> tuple[list[tuple], list[Any], float]:
        """Call a function with each share; return the shares, its results and the seconds.

        XLA works through a small network on one core. The same program, called from as many
        threads as there are cores, uses them all. Where memory is full, shares are halved.
        """
        while True:
            try:
                compiled, threads = self._program(function, shares[0])
                began = time.perf_counter()
                results = _in_threads(compiled, threads, shares, self._samples)
                return shares, results, time.perf_counter() - began
            except Exception as error:
                if self._width == len(self._devices) or not is_full(error):
                    raise
            self._width = len(self._devices) * max(1, self._width // len(self._devices) // 2)
            self._compiled.clear()
            shares = self._cut(_joined(shares, count, jnp), count)

    def _program(self, function: Callable, share: tuple) -> tuple[jax.stages.Compiled, int]:
        """The compiled function of a share, and how many of them may run at once.

        Raises
        ------
        MemoryError
            If there is no room, and fewer runs would need less.
        """
        if function not in self._compiled:
            self._compiled[function] = self._vmapped(function, share)
        compiled, devices = self._compiled[function], self._devices
        room = devices.memory / len(devices) / max(1, program_bytes(compiled) or 1)
        if room < devices.threads and self._width > len(devices):
            raise MemoryError
        return compiled, max(1, min(devices.threads, int(min(room, devices.threads))))

    def _vmapped(self, function: Callable, share: tuple) -> jax.stages.Compiled:
        """Compiled for all runs of a share together, or one by one where the model cannot be."""
        reason = None
        if function is self._epoch and self._one_by_one is None:
            try:
                return self._compile(_together(function), share)
            except Exception as error:
                if is_full(error):
                    raise
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
        # If the model is at fault, it fails once more, with an error of its own.
        compiled = self._compile(_in_turn(function), share)
        self._one_by_one = self._one_by_one or reason
        return compiled

    def _compile(self, function: Callable, share: tuple) -> jax.stages.Compiled:
        with usual_promotion():
            spread = self._devices.spread(function, own=len(share), shared=1)
            return jax.jit(spread).lower(*share, self._samples).compile()


def _program_key(job: Job, setting: Mapping[str, Any], experiment: Experiment) -> Hashable:
    """All that a compiled program depends on."""
    options = experiment.at(setting)
    fixed = {**options.options, **options.optimizer_options}
    length = job.epochs if counts_steps(experiment.optimizer) else None
    texts = tuple((name, repr(value)) for name, value in fixed.items())
    return traceable(at_setting(job.surrogate, setting)).key, texts, length


def _in_threads(compiled: Any, threads: int, shares: list[tuple], samples: Samples) -> list[Any]:
    call = lambda share: jax.block_until_ready(compiled(*share, samples))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, shares))


def _together(function: Callable) -> Callable:
    """The function of many runs at once; all share its last argument, the samples."""
    return lambda *runs: jax.vmap(lambda *run: function(*run, runs[-1]))(*runs[:-1])


def _in_turn(function: Callable) -> Callable:
    """The same, one run after the other."""
    return lambda *runs: jax.lax.map(lambda run: function(*run, runs[-1]), runs[:-1])


def _joined(shares: list[Any], count: int, arrays: Any = np) -> Any:
    """All runs out of their shares, without those that filled up the last one."""
    return jax.tree.map(lambda *leaves: arrays.concatenate(leaves)[:count], *shares)


def _stacked(curves: Sequence[Curves]) -> Curves:
    return jax.tree.map(lambda *values: np.stack(values, axis=-1), *curves)


def _by_epoch(curves: Curves) -> list[Curves]:
    epochs = (np.moveaxis(np.asarray(curve), -1, 0) for curve in curves)
    return [Curves(*values) for values in zip(*epochs)]
