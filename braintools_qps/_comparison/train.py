"""Trains groups of runs as one compiled program: vmapped runs that differ only in numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._surrogate import Traceable, traceable
from .devices import is_full, present_devices, program_bytes
from .experiment import RATE, Experiment, at_setting, of_program
from .model import usual_promotion
from .numerics import place
from .packing import Saved, like, raw
from .plan import Run
from .run import Given, Outcome, State, epoch_of, initial_state, stacked, test_of
from .runs import STATE, Runs
from .tasks import Samples


def groups_of(runs: Sequence[Run], store: Runs, most: int | None = None) -> Iterator[list[Run]]:
    """Runs of a candidate that one program can train and that have had as many epochs, in groups.

    A group has ``most`` runs at most.
    """
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        begun = store.read(run.key + STATE)
        epochs = 0 if begun is None else begun.about["epochs"]
        alike.setdefault((_program_key(run), epochs), []).append(run)
    for group in alike.values():
        size = most or len(group)
        yield from (group[start : start + size] for start in range(0, len(group), size))


class Trainer:
    """Trains groups of runs of one experiment; keeps compiled programs for the next group."""

    def __init__(self, experiment: Experiment, most_runs: int) -> None:
        self._experiment = experiment
        self._devices = present_devices()
        samples = experiment.task.samples
        self._samples = [jax.device_put(samples, device) for device in self._devices.all]
        self._width = self._devices.width(most_runs)  # runs that a program trains at once
        self._functions: dict[Hashable, tuple[Callable, Callable]] = {}  # an epoch, and the test
        self._compiled: dict[tuple[Callable, jax.Device, int], jax.stages.Compiled] = {}
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
        begun, states = self._start(group, store)
        shares = self._cut((states, self._given(group)), count)
        if begun:
            on_epoch(count * begun, _mean_loss(shares, begun, count), True)
        for done in range(begun + 1, epochs + 1):
            shares, trained, took = self._each(epoch, shares, count)
            shares = [(state, given) for state, (_, given) in zip(trained, shares)]
            seconds.append(took / count)
            on_epoch(count, _mean_loss(shares, done, count), False)
            if store is not None and store.is_due() and done < epochs:
                store.write_states(_saved(group, self._joined([s for s, _ in shares], count)))
        # None where all epochs were trained before
        program = self._compiled.get((epoch, self._devices.all[0], self._width))
        shares, tested, _ = self._each(test, shares, count)
        states = self._joined([state for state, _ in shares], count)
        return [
            Outcome(
                jax.tree.map(np.asarray, state.curves),
                of_run,
                int(state.best_epoch),
                float(np.median(seconds or np.nan)),
                None if program is None else program_bytes(program),
                self._in_turn.get(epoch),
                place(),
                {**state.weights.trained, **state.weights.kept},
            )
            for state, of_run in zip(_rows(states), _rows(self._joined(tested, count)))
        ]

    def _functions_of(self, run: Run, on_compile: Callable[[], None]) -> tuple[Callable, Callable]:
        if (key := _program_key(run)) not in self._functions:
            on_compile()
            build, experiment = _traceable(run).build, self._experiment.at(run.setting)
            epoch, test = epoch_of(build, experiment), test_of(build, experiment)
            self._functions[key], self._in_turn[test] = (epoch, test), None
        return self._functions[key]

    def _start(self, group: Sequence[Run], store: Runs | None) -> tuple[int, State]:
        """How many epochs each run has had, and its state: the one in the store, or initial."""
        experiment = self._experiment.at(group[0].setting)
        surrogate = at_setting(group[0].candidate.surrogate, group[0].setting)
        start = partial(initial_state, surrogate=surrogate)
        saved = [store.read(run.key + STATE) if store else None for run in group]
        begun = [each for each in saved if each is not None]
        if len(begun) < len(group):
            initial = {seed: start(experiment, seed=seed) for seed in {run.seed for run in group}}
            return 0, stacked([initial[run.seed] for run in group])
        plain = replace(experiment, prepared=None)
        forms, structure = jax.tree.flatten(jax.eval_shape(lambda: start(plain, seed=0)))
        leaves = [np.stack([each.arrays[str(n)] for each in begun]) for n in range(len(forms))]
        states = jax.tree.unflatten(structure, map(like, leaves, forms))
        return begun[0].about["epochs"], states

    def _given(self, group: Sequence[Run]) -> Given:
        usual, epochs = self._experiment.usual_rate, self._experiment.epochs
        numbers = [
            _traceable(run).numbers
            | {"learning_rate": run.setting.get(RATE, usual), "epochs": epochs}
            for run in group
        ]
        column = lambda name: jnp.array([run[name] for run in numbers], jnp.float32)
        splits = {seed: self._experiment.task.split(seed) for seed in {run.seed for run in group}}
        return Given(
            jnp.stack([jax.random.key(run.seed) for run in group]),
            {name: column(name) for name in numbers[0]},
            stacked([splits[run.seed] for run in group]),
        )

    def _cut(self, tree: Any, count: int) -> list[Any]:
        """Cut rows into shares of equal size, one device after the other. The last is filled up."""
        starts, devices = range(0, count, self._width), self._devices.all
        rows = [np.minimum(np.arange(start, start + self._width), count - 1) for start in starts]
        cut = lambda share: jax.tree.map(lambda leaf: leaf[share], tree)
        return [
            jax.device_put(cut(share), devices[n % len(devices)]) for n, share in enumerate(rows)
        ]

    def _joined(self, shares: Sequence[Any], count: int) -> Any:
        """The inverse of `_cut`."""
        together = jax.device_put(shares, self._devices.all[0])
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[:count], *together)

    def _each(
        self, function: Callable, shares: list[tuple], count: int
    ) -> tuple[list[tuple], list[Any], float]:
        """Call a function with each share; return the shares, its results and the seconds.

        XLA runs a small network on one core, so the program is called from one thread per core. If
        memory is full, shares are halved.
        """
        while True:
            try:
                samples = [self._samples[n % len(self._samples)] for n in range(len(shares))]
                programs = [self._program(function, *pair) for pair in zip(shares, samples)]
                call = lambda program, *data: jax.block_until_ready(program(*data))
                began = time.perf_counter()
                with ThreadPoolExecutor(self._threads(programs[0])) as pool:
                    results = list(pool.map(call, programs, shares, samples))
                return shares, results, time.perf_counter() - began
            except Exception as error:
                if self._width == 1 or not is_full(error):
                    raise
            self._width //= 2
            shares = self._cut(self._joined(shares, count), count)

    def _threads(self, program: jax.stages.Compiled) -> int:
        """How many threads may call a program at once.

        Raises
        ------
        MemoryError
            If it does not fit into memory as often as there are cores, and a smaller one might.
        """
        room, most = self._devices.memory / (program_bytes(program) or 1), self._devices.threads
        if room < most and self._width > 1:
            raise MemoryError
        return max(1, int(min(room, most)))

    def _program(self, function: Callable, share: tuple, samples: Samples) -> jax.stages.Compiled:
        """The function for many runs: vmapped, or one by one if the model cannot be vmapped."""
        (device,) = samples.inputs.devices()
        key = function, device, self._width
        if key not in self._compiled and function not in self._in_turn:
            try:
                self._compiled[key] = _compiled(jax.vmap(function, (0, None)), share, samples)
            except Exception as error:
                if is_full(error):
                    raise
                self._in_turn[function] = f"{type(error).__name__}: {error}".splitlines()[0]
        if key not in self._compiled:  # a fault of the model itself raises once more
            in_turn = lambda share, samples: jax.lax.map(lambda run: function(run, samples), share)
            self._compiled[key] = _compiled(in_turn, share, samples)
        return self._compiled[key]


def _program_key(run: Run) -> Hashable:
    """Key of a compiled program: all that it depends on."""
    texts = tuple((name, repr(value)) for name, value in of_program(run.setting).items())
    return _traceable(run).key, texts


def _traceable(run: Run) -> Traceable:
    return traceable(at_setting(run.candidate.surrogate, run.setting))


def _compiled(function: Callable, *arguments: Any) -> jax.stages.Compiled:
    with usual_promotion():
        return jax.jit(function).lower(*arguments).compile()


def _saved(group: Sequence[Run], states: State) -> dict[str, Saved]:
    """The states of runs by their keys, as files keep them."""
    leaves = [raw(leaf) for leaf in jax.tree.leaves(states)]
    about = {"epochs": int(states.epoch[0])}
    return {
        run.key: Saved(about, {str(n): leaf[row] for n, leaf in enumerate(leaves)})
        for row, run in enumerate(group)
    }


def _mean_loss(shares: Sequence[tuple[State, Given]], epoch: int, count: int) -> float:
    each = [np.asarray(state.curves.loss[:, epoch - 1]) for state, _ in shares]
    return float(np.concatenate(each)[:count].mean())


def _rows(tree: Any) -> Iterator[Any]:
    count = len(jax.tree.leaves(tree)[0])
    return (jax.tree.map(lambda leaf, row=row: leaf[row], tree) for row in range(count))
