"""Compiled training: runs whose surrogates differ only in numbers share one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._surrogate import Traceable, traceable
from .compiled import Program, in_turn, together
from .places import Place, places
from .runs import Shares
from .tasks import Split
from .training import Bench, Curves, Run, Samples, State, Tested, epoch_of, initial_state, tested_of

AfterEpoch = Callable[[int, float], None]  # which one, the mean loss of all runs


class Trained(NamedTuple):
    """What training gave, by run along the first axis; curves have a second axis of epochs."""

    shares: Shares
    states: list[State]
    curves: Curves
    best_epoch: np.ndarray


class Halfway(NamedTuple):
    """All that a training needs to go on, in numpy, by run along the first axis."""

    states: State  # keys as their numbers; to start from, keys
    curves: Curves  # with a second axis of the epochs that are done


OnHalfway = Callable[[Callable[[], Halfway]], None]


class Trainer:
    """Trains surrogates that differ only in numbers, with one choice of the model's options.

    All of them share one compiled program for each kind of device, called with a few runs at a
    time. A model that cannot be vmapped trains one by one within it: `one_by_one` then says why.
    """

    def __init__(self, surrogate: Surrogate, bench: Bench, most_runs: int) -> None:
        self.bench = bench
        self.one_by_one: str | None = None
        self._surrogate = surrogate
        self._traceable = traceable(surrogate)
        self._most_runs = most_runs
        self._places = places(most_runs)
        self._epochs: list[Program] = []  # by place
        self._tests: list[Program] = []
        self._initial: dict[int, State] = {}

    def train(
        self,
        runs: Sequence[Run],
        epochs: int,
        after_epoch: AfterEpoch,
        *,
        start: Halfway | None = None,
        on_halfway: OnHalfway | None = None,
    ) -> Trained:
        """Train each run for so many epochs, at the end of which the schedule ends.

        ``start`` is where to go on from; ``on_halfway`` is called after each epoch, with a function
        that copies what the next one starts from.
        """
        states = self._initial_states(runs) if start is None else start.states
        curves = [] if start is None else _by_epoch(start.curves)
        arguments = self._arguments(runs, epochs)
        parts = [self._parts(place, "train", "validation") for place in self._places]
        if not self._epochs:
            row = jax.tree.map(lambda leaf: leaf[:1], (states, *arguments))
            self._epochs = [self._epoch_program(*each, row) for each in zip(self._places, parts)]
        shares = Shares(len(runs), [program.width for program in self._epochs])
        held, given = self._placed(shares, states), self._placed(shares, arguments)
        step = lambda place, state, share: self._epochs[place](state, *share, *parts[place])
        for number in range(len(curves), epochs):
            done = shares.call(step, self._at_once, held, given)
            held = [state for state, _ in done]
            curves.append(shares.gather([curve for _, curve in done]))
            after_epoch(number, float(np.mean(curves[-1].loss)))
            if on_halfway is not None:
                on_halfway(partial(_halfway, shares, held, tuple(curves)))
        ended, best = shares.gather([(state.epoch, state.best_epoch) for state in held])
        curves_of_all = jax.tree.map(lambda curve: _extended(curve, ended), _stacked(curves))
        return Trained(shares, held, curves_of_all, best)

    def test(self, runs: Sequence[Run], trained: Trained) -> Tested:
        """Look at the test part, with the weights of the last and of the best epoch."""
        shares = trained.shares
        parts = [self._parts(place, "test") for place in self._places]
        given = self._placed(shares, self._arguments(runs, 1))
        if not self._tests:
            row = jax.tree.map(lambda leaf: leaf[:1], (trained.states[0], *given[0]))
            self._tests = [
                self._test_program(*each, row) for each in zip(self._places, self._epochs, parts)
            ]
        look = lambda place, state, share: self._tests[place](state, *share, *parts[place])
        return shares.gather(shares.call(look, self._at_once, trained.states, given))

    @property
    def _at_once(self) -> list[int]:
        return [program.at_once for program in self._epochs]

    def _epoch_program(self, place: Place, parts: tuple, row: tuple) -> Program:
        """The largest that the place has room for, of the usual number of runs at most."""
        each = place.usual(self._most_runs)
        return self._vmapped(epoch_of, Program.fitting, place, each, row, parts, self._held(row))

    def _test_program(self, place: Place, epoch: Program, parts: tuple, row: tuple) -> Program:
        """For the shares of training; one by one, where all at once do not fit."""
        rest = place, epoch.each, row, parts, self._held(row)
        program = self._vmapped(tested_of, Program, *rest)
        if program.fits(epoch.at_once):
            return program
        return Program(in_turn(tested_of(self._traceable, self.bench)), *rest)

    def _held(self, row: tuple) -> int:
        """Bytes of the states of all runs on one device, whether it trains them now or not."""
        runs = -(-self._most_runs // sum(len(place.devices) for place in self._places))
        return runs * sum(leaf.nbytes for leaf in jax.tree.leaves(row[0]))

    def _vmapped(
        self,
        make: Callable[[Traceable, Bench], Callable],
        compiled: Callable[..., Program],
        *rest: Any,
    ) -> Program:
        """Or one by one, where the model cannot be."""
        function = make(self._traceable, self.bench)
        if self.one_by_one is None:
            try:
                return compiled(together(function), *rest)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
        # If the model is at fault, it fails once more, with an error of its own.
        program = compiled(in_turn(function), *rest)
        self.one_by_one = self.one_by_one or reason
        return program

    def _initial_states(self, runs: Sequence[Run]) -> State:
        for seed in {run.seed for run in runs} - self._initial.keys():
            self._initial[seed] = initial_state(self.bench, self._surrogate, seed)
        states = [self._initial[run.seed] for run in runs]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)

    def _arguments(self, runs: Sequence[Run], epochs: int) -> tuple:
        """The key and the numbers of each run."""
        keys = jnp.stack([jax.random.key(run.seed) for run in runs])
        numbers = {
            name: jnp.array([run.numbers[name] for run in runs], jnp.float32)
            for name in runs[0].numbers
        }
        numbers["epochs"] = jnp.full(len(runs), epochs, jnp.float32)
        return keys, numbers

    def _placed(self, shares: Shares, tree: Any) -> list[Any]:
        """Each share on the devices of its place."""
        return [
            jax.device_put(share, self._places[place].split)
            for place, share in zip(shares.places, shares.deal(tree))
        ]

    def _parts(self, place: Place, *names: str) -> tuple[Samples, ...]:
        """Parts of the data, on all devices of a place."""
        parts = [_arrays(self.bench.task.parts[name]) for name in names]
        return tuple(jax.device_put(part, place.whole) for part in parts)


def _arrays(part: Split) -> Samples:
    return Samples(jnp.asarray(part.inputs), jnp.asarray(part.labels))


def _halfway(shares: Shares, states: list[State], curves: Sequence[Curves]) -> Halfway:
    return Halfway(shares.gather(jax.tree.map(_numbers, states)), _stacked(curves))


def _numbers(leaf: Any) -> Any:
    """Of a key, those that it is made of."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def _stacked(curves: Sequence[Curves]) -> Curves:
    return jax.tree.map(lambda *values: np.stack(values, axis=-1), *curves)


def _by_epoch(curves: Curves) -> list[Curves]:
    """The way back."""
    epochs = (np.moveaxis(np.asarray(curve), -1, 0) for curve in curves)
    return [Curves(*values) for values in zip(*epochs)]


def _extended(curve: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Whatever follows the end of a run is what it ended with."""
    last = np.maximum(ended, 1)[:, None] - 1
    return np.take_along_axis(curve, np.minimum(np.arange(curve.shape[1]), last), axis=1)
