"""Compiled training: every run of one kind of surrogate in one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .kinds import Kind, kind_of
from .runs import Shares, in_threads, usual_width
from .tasks import Split
from .training import Bench, Curves, Run, Samples, State, Tested, epoch_of, initial_state, tested_of

OnEpoch = Callable[[int, float], None]


class Trained(NamedTuple):
    """What training gave, by run along the first axis; curves have a second axis of epochs."""

    shares: Shares
    states: list[State]
    curves: Curves
    best_epoch: np.ndarray


class Halfway(NamedTuple):
    """All that a training needs to go on, in numpy, by run along the first axis."""

    states: State
    curves: Curves  # with a second axis of the epochs that are done


OnHalfway = Callable[[Callable[[], Halfway]], None]


class Trainer:
    """Trains surrogates of one kind, with one choice of the model's options.

    All of them share one compiled program, called with a few runs at a time. A model that cannot be
    vmapped trains one by one within it: `one_by_one` then says why.
    """

    def __init__(self, surrogate: Surrogate, bench: Bench, most_runs: int) -> None:
        self.bench = bench
        self.one_by_one: str | None = None
        self._surrogate = surrogate
        self._kind = kind_of(surrogate)
        self._width = usual_width(most_runs)
        self._compiled: dict[str, Callable] = {}
        self._initial: dict[int, State] = {}

    def train(
        self,
        runs: Sequence[Run],
        epochs: int,
        on_epoch: OnEpoch,
        *,
        start: Halfway | None = None,
        on_halfway: OnHalfway | None = None,
    ) -> Trained:
        """Train each run for so many epochs, at the end of which the schedule ends.

        ``start`` is where to go on from; ``on_halfway`` is called after each epoch, with a function
        that copies what the next one starts from.
        """
        task, shares = self.bench.task, Shares(len(runs), self._width)
        states = shares.deal(self._initial_states(runs) if start is None else start.states)
        curves = [] if start is None else _by_epoch(start.curves)
        arguments = self._arguments(runs, shares, epochs)
        parts = _arrays(task.train), _arrays(task.validation)
        step = self._program("epoch", epoch_of, states[0], *arguments[0], *parts)
        for number in range(len(curves), epochs):
            done = in_threads(lambda state, share: step(state, *share, *parts), states, arguments)
            states = [state for state, _ in done]
            curves.append(shares.gather([curve for _, curve in done]))
            on_epoch(number, float(np.mean(curves[-1].loss)))
            if on_halfway is not None:
                on_halfway(partial(_halfway, shares, states, tuple(curves)))
        stacked = _stacked(curves)
        ended, best = shares.gather([(state.epoch, state.best_epoch) for state in states])
        return Trained(shares, states, jax.tree.map(lambda c: _held(c, ended), stacked), best)

    def test(self, runs: Sequence[Run], trained: Trained) -> Tested:
        """Look at the test part, with the weights of the last and of the best epoch."""
        shares, part = trained.shares, _arrays(self.bench.task.test)
        arguments = self._arguments(runs, shares, 1)
        program = self._program("test", tested_of, trained.states[0], *arguments[0], part)
        tested = in_threads(
            lambda state, share: program(state, *share, part), trained.states, arguments
        )
        return shares.gather(tested)

    def _initial_states(self, runs: Sequence[Run]) -> State:
        for seed in {run.seed for run in runs} - self._initial.keys():
            self._initial[seed] = initial_state(self.bench, self._surrogate, seed)
        states = [self._initial[run.seed] for run in runs]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)

    def _arguments(self, runs: Sequence[Run], shares: Shares, epochs: int) -> list[tuple]:
        """The key and the numbers of each run, dealt out."""
        keys = jnp.stack([jax.random.key(run.seed) for run in runs])
        numbers = {
            name: jnp.array([run.numbers[name] for run in runs], jnp.float32)
            for name in runs[0].numbers
        }
        numbers["epochs"] = jnp.full(len(runs), epochs, jnp.float32)
        return shares.deal((keys, numbers))

    def _program(self, name: str, make: Callable[[Kind, Bench], Callable], *share: Any) -> Callable:
        """Compile for one share; whatever comes after ``state, key, numbers`` all runs share."""
        if name not in self._compiled:
            function = make(self._kind, self.bench)
            in_axes = (0, 0, 0) + (None,) * (len(share) - 3)
            try:
                together = jax.vmap(function, in_axes)
                self._compiled[name] = jax.jit(together).lower(*share).compile()
            except Exception as error:
                # If the model is at fault, it fails once more, with an error of its own.
                self._compiled[name] = jax.jit(_in_turn(function)).lower(*share).compile()
                self.one_by_one = f"{type(error).__name__}: {error}".splitlines()[0]
        return self._compiled[name]


def _in_turn(function: Callable) -> Callable:
    """Like `jax.vmap` over the first three arguments, one run after the other."""

    def of_share(state: Any, keys: Any, numbers: Any, *parts: Any) -> Any:
        return jax.lax.map(lambda run: function(*run, *parts), (state, keys, numbers))

    return of_share


def _arrays(part: Split) -> Samples:
    return Samples(jnp.asarray(part.inputs), jnp.asarray(part.labels))


def _halfway(shares: Shares, states: list[State], curves: Sequence[Curves]) -> Halfway:
    return Halfway(shares.gather(states), _stacked(curves))


def _stacked(curves: Sequence[Curves]) -> Curves:
    return jax.tree.map(lambda *values: np.stack(values, axis=-1), *curves)


def _by_epoch(curves: Curves) -> list[Curves]:
    """The way back."""
    epochs = (np.moveaxis(np.asarray(curve), -1, 0) for curve in curves)
    return [Curves(*values) for values in zip(*epochs)]


def _held(curve: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Whatever follows the end of a run is what it ended with."""
    last = np.maximum(ended, 1)[:, None] - 1
    return np.take_along_axis(curve, np.minimum(np.arange(curve.shape[1]), last), axis=1)
