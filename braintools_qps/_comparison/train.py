"""Trains a group of runs as one compiled program: vmapped runs that differ only in numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from .._surrogate import traceable
from .devices import is_full, present_devices, program_bytes
from .experiment import RATE, Experiment, Setting, at_setting
from .model import usual_promotion
from .numerics import place
from .outcome import Outcome
from .packing import Saved, like, raw
from .plan import Run
from .run import Curves, State, epoch_of, initial_state, test_of
from .runs import STATE, Runs
from .tasks import Rows, Samples


def groups_of(
    runs: Sequence[Run], experiment: Experiment, store: Runs, most: int | None = None
) -> Iterator[list[Run]]:
    """Runs of a candidate that one program can train and that have had as many epochs, in groups.

    A group has ``most`` runs at most.
    """
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        begun = store.read(run.key + STATE)
        epochs = 0 if begun is None else begun.about["epochs"]
        key = _program_key(run.candidate.surrogate, run.setting, experiment)
        alike.setdefault((key, epochs), []).append(run)
    for group in alike.values():
        size = most or len(group)
        yield from (group[start : start + size] for start in range(0, len(group), size))


class Trainer:
    """Trains groups of runs of one experiment; keeps compiled programs for the next group."""

    def __init__(self, experiment: Experiment, most_runs: int) -> None:
        self._experiment = experiment
        self._devices = present_devices()
        self._samples = jax.device_put(experiment.task.samples, self._devices.whole)
        self._width = self._devices.width(most_runs)  # runs that a program trains at once
        self._functions: dict[Hashable, tuple[Callable, Callable]] = {}  # an epoch, and the test
        self._compiled: dict[Callable, jax.stages.Compiled] = {}
        self._in_turn: dict[Callable, str | None] = {}  # and why they could not be vmapped

    def train(
        self,
        group: Sequence[Run],
        *,
        store: Runs | None = None,
        on_compile: Callable[[], None] = lambda: None,
        on_epoch: Callable[[int, float, bool], None] = lambda epochs, loss, known: None,
    ) -> list[Outcome]:
        """Train all runs for the epochs that are left, and test them.

        With a ``store``, states are kept there now and then, and training goes on from what is
        there. ``on_epoch`` is called with the epochs of all runs, the mean loss, and whether they
        were trained before.
        """
        count, epochs, seconds = len(group), self._experiment.epochs, []
        epoch, test = self._functions_of(group[0], on_compile)
        states, curves = self._start(group, store)
        if curves:
            on_epoch(count * len(curves), float(np.mean(curves[-1].loss)), True)
        shares = self._cut((states, *self._inputs(group)), count)
        for _ in range(len(curves), epochs):
            shares, done, took = self._each(epoch, shares, count)
            shares = [(state, *share[1:]) for (state, _), share in zip(done, shares)]
            curves.append(_joined([curve for _, curve in done], count))
            seconds.append(took / count)
            on_epoch(count, float(np.mean(curves[-1].loss)), False)
            if store is not None and store.is_due() and len(curves) < epochs:
                store.write_states(_saved(group, _states(shares, count), curves))
        compiled = self._compiled.get(epoch)  # None where all epochs were trained before
        outcome = partial(
            Outcome,
            seconds=float(np.median(seconds)) if seconds else math.nan,
            bytes=None if compiled is None else program_bytes(compiled),
            one_by_one=self._in_turn.get(epoch),
            worker=place(),
        )
        states = _states(shares, count)
        tested = _joined(self._each(test, shares, count)[1], count)
        by_run = _stacked(curves)
        return [
            outcome(
                _row(by_run, number),
                _row(tested, number),
                int(states.best_epoch[number]),
                weights=_row({**states.weights.trained, **states.weights.kept}, number),
            )
            for number in range(count)
        ]

    def _functions_of(self, run: Run, on_compile: Callable[[], None]) -> tuple[Callable, Callable]:
        surrogate, setting = run.candidate.surrogate, run.setting
        key = _program_key(surrogate, setting, self._experiment)
        if key not in self._functions:
            on_compile()
            build = traceable(at_setting(surrogate, setting)).build
            experiment = self._experiment.at(setting)
            epoch, test = epoch_of(build, experiment), test_of(build, experiment)
            self._functions[key], self._in_turn[test] = (epoch, test), None
        return self._functions[key]

    def _start(self, group: Sequence[Run], store: Runs | None) -> tuple[State, list[Curves]]:
        """States and curves so far: those in the store, if each run has some, or initial ones."""
        experiment = self._experiment.at(group[0].setting)
        surrogate = at_setting(group[0].candidate.surrogate, group[0].setting)
        saved = [store.read(run.key + STATE) if store else None for run in group]
        begun = [each for each in saved if each is not None]
        if len(begun) == len(group):
            form = jax.eval_shape(lambda: initial_state(experiment, surrogate, group[0].seed))
            return _states_of(begun, form), _by_epoch(_curves_of(begun))
        initial = {
            seed: initial_state(experiment, surrogate, seed) for seed in {run.seed for run in group}
        }
        return _together(jnp.stack, [initial[run.seed] for run in group]), []

    def _inputs(self, group: Sequence[Run]) -> tuple[Array, dict[str, Array], Rows]:
        """The key, the numbers and the split of each run."""
        keys = jnp.stack([jax.random.key(run.seed) for run in group])
        usual, epochs = self._experiment.usual_rate, self._experiment.epochs
        numbers = [
            traceable(at_setting(run.candidate.surrogate, run.setting)).numbers
            | {"learning_rate": run.setting.get(RATE, usual), "epochs": epochs}
            for run in group
        ]
        column = lambda name: jnp.array([run[name] for run in numbers], jnp.float32)
        splits = {seed: self._experiment.task.split(seed) for seed in {run.seed for run in group}}
        rows = _together(jnp.stack, [splits[run.seed] for run in group])
        return keys, {name: column(name) for name in numbers[0]}, rows

    def _cut(self, tree: Any, count: int) -> list[Any]:
        """Cut rows into shares of runs that train at once; the last run fills up the last share."""
        rows = [
            np.minimum(np.arange(start, start + self._width), count - 1)
            for start in range(0, count, self._width)
        ]
        cut = lambda share: jax.tree.map(lambda leaf: leaf[share], tree)
        return [jax.device_put(cut(share), self._devices.split) for share in rows]

    def _each(
        self, function: Callable, shares: list[tuple], count: int
    ) -> tuple[list[tuple], list[Any], float]:
        """Call a function with each share; return the shares, its results and the seconds.

        XLA runs a small network on one core, so the program is called from one thread per core. If
        memory is full, shares are halved.
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
        """The compiled function of a share, and how many threads may call it at once.

        Raises
        ------
        MemoryError
            If it does not fit into memory, and a smaller share might.
        """
        if function not in self._compiled:
            self._compiled[function] = self._vmapped(function, share)
        compiled, devices = self._compiled[function], self._devices
        room = devices.memory / len(devices) / max(1, program_bytes(compiled) or 1)
        if room < devices.threads and self._width > len(devices):
            raise MemoryError
        return compiled, max(1, min(devices.threads, int(min(room, devices.threads))))

    def _vmapped(self, function: Callable, share: tuple) -> jax.stages.Compiled:
        """Compile for all runs of a share together, or one by one if the model cannot be
        vmapped."""
        if function not in self._in_turn:
            try:
                return self._compile(_vmapped(function), share)
            except Exception as error:
                if is_full(error):
                    raise
                self._in_turn[function] = f"{type(error).__name__}: {error}".splitlines()[0]
        # A fault of the model itself raises here once more.
        return self._compile(_in_turn(function), share)

    def _compile(self, function: Callable, share: tuple) -> jax.stages.Compiled:
        with usual_promotion():
            spread = self._devices.spread(function, own=len(share), shared=1)
            return jax.jit(spread).lower(*share, self._samples).compile()


def _program_key(surrogate: Surrogate, setting: Setting, experiment: Experiment) -> Hashable:
    """Key of a compiled program: all that it depends on."""
    options = experiment.at(setting)
    fixed = {**options.options, **options.optimizer_options}
    texts = tuple((name, repr(value)) for name, value in fixed.items())
    return traceable(at_setting(surrogate, setting)).key, texts


def _in_threads(compiled: Any, threads: int, shares: list[tuple], samples: Samples) -> list[Any]:
    call = lambda share: jax.block_until_ready(compiled(*share, samples))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, shares))


def _vmapped(function: Callable) -> Callable:
    """The function of many runs at once; all share its last argument, the samples."""
    return lambda *runs: jax.vmap(lambda *run: function(*run, runs[-1]))(*runs[:-1])


def _in_turn(function: Callable) -> Callable:
    """The function of many runs, one after the other."""
    return lambda *runs: jax.lax.map(lambda run: function(*run, runs[-1]), runs[:-1])


def _joined(shares: list[Any], count: int, arrays: Any = np) -> Any:
    """Join shares to rows of all runs, without those that filled up the last share."""
    return jax.tree.map(lambda *leaves: arrays.concatenate(leaves)[:count], *shares)


def _states(shares: list[tuple], count: int) -> State:
    return _joined([state for state, *_ in shares], count, jnp)


def _row(tree: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], tree)


def _together(stack: Callable, trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: stack(leaves), *trees)


def _stacked(curves: Sequence[Curves]) -> Curves:
    return _together(partial(np.stack, axis=-1), curves)


def _by_epoch(curves: Curves) -> list[Curves]:
    epochs = (np.moveaxis(np.asarray(curve), -1, 0) for curve in curves)
    return [Curves(*values) for values in zip(*epochs)]


def _saved(group: Sequence[Run], states: State, curves: Sequence[Curves]) -> dict[str, Saved]:
    """The state of each run and its curves so far, by the keys of the runs."""
    by_run, about = _stacked(curves), {"epochs": len(curves)}
    leaves = [raw(leaf) for leaf in jax.tree.leaves(states)]
    return {
        run.key: Saved(
            about,
            {str(n): leaf[number] for n, leaf in enumerate(leaves)}
            | _row(by_run, number)._asdict(),
        )
        for number, run in enumerate(group)
    }


def _states_of(saved: Sequence[Saved], form: Any) -> State:
    """The inverse of `_saved`, for states of that form."""
    forms, structure = jax.tree.flatten(form)
    stacked = [np.stack([each.arrays[str(n)] for each in saved]) for n in range(len(forms))]
    return jax.tree.unflatten(structure, map(like, stacked, forms))


def _curves_of(saved: Sequence[Saved]) -> Curves:
    stacked: Any = (np.stack([each.arrays[name] for each in saved]) for name in Curves._fields)
    return Curves(*stacked)
