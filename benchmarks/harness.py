"""Contestants are timed in turn, so that a busy machine slows all of them alike.

A case is one piece of work with its contestants. Each contestant is first compiled and warmed up,
which is not timed. Then come rounds in which each runs once. Ratios are taken within a round, and
then their median: so differences between rounds cancel.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jax

SHORTEST_SAMPLE = 10e-3  # seconds; quicker calls are repeated
FEWEST_ROUNDS = 3
Clock = Callable[[], float]


@dataclass(frozen=True)
class Settings:
    """How much to measure. ``elements`` is the size of the arrays where size is not the subject."""

    quick: bool = False
    elements: int = 4_000_000
    rounds: int = 25
    seconds: float = 120.0  # per case: rounds stop there, but not before FEWEST_ROUNDS


@dataclass(frozen=True)
class Ready:
    """A contestant that is compiled and warm: ``sample()`` returns the seconds of one call."""

    sample: Callable[[], float]
    compile_s: float | None = None
    memory_bytes: int | None = None
    own_process: bool = False
    close: Callable[[], Any] = lambda: None


@dataclass(frozen=True)
class Case:
    """One piece of work, and its contestants by name."""

    table: str
    work: str
    contestants: Mapping[str, Callable[[], Ready]]
    bound: str | None = None
    baseline: str | None = None
    seconds: float = math.inf  # fewer than in the settings, where that is enough


@dataclass(frozen=True)
class Measurement:
    """The times of one contestant, its ratios to others (medians), or the error it raised."""

    table: str
    work: str
    contestant: str
    quartiles_s: tuple[float, float, float] | None = None
    rounds: int = 0
    cores: float | None = None  # busy cores of this process, on average
    to_bound: float | None = None
    to_baseline: float | None = None
    compile_s: float | None = None
    memory_bytes: int | None = None
    error: str | None = None


@dataclass
class _Field:
    """Contestants that are ready, and the errors of the others."""

    ready: dict[str, Ready] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    cores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def attempt(self, name: str, action: Callable[[], Any]) -> Any:
        """The action's result; if it raises, the contestant drops out and its error is kept."""
        try:
            return action()
        except Exception as error:
            self.ready.pop(name, None)
            self.errors[name] = describe(error)
            return None


def measure(case: Case, settings: Settings) -> list[Measurement]:
    """Prepare all contestants, run the rounds, and summarise."""
    field = _Field()
    with ExitStack() as stack:
        for name, prepare in case.contestants.items():
            if ready := field.attempt(name, prepare):
                field.ready[name] = ready
                stack.callback(ready.close)
        rounds = _alternate(field, settings.rounds, min(settings.seconds, case.seconds))
    return [_summary(case, name, field, rounds) for name in case.contestants]


def jitted(function: Callable, *arguments: Any) -> Callable[[], Ready]:
    """A contestant that is one compiled call."""
    return lambda: compiled(lambda: jax.jit(function).lower(*arguments).compile(), *arguments)


def compiled(compile: Callable[[], Any], *arguments: Any) -> Ready:
    """Compile and time it; samples are calls of the executable."""
    start = time.perf_counter()
    executable = compile()
    compile_s = time.perf_counter() - start
    return Ready(
        sampler(lambda: executable(*arguments)),
        compile_s,
        peak_memory(executable.memory_analysis()),
    )


def sampler(call: Callable[[], Any], clock: Clock = time.perf_counter) -> Callable[[], float]:
    """Times calls; the first sample warms up and finds how many calls make one sample."""

    @cache
    def calls() -> int:
        jax.block_until_ready(call())
        return max(1, round(SHORTEST_SAMPLE / _seconds(call, 1, clock)))

    def sample() -> float:
        most = calls()
        _seconds(call, 1, clock)  # fills caches that other contestants have used meanwhile
        return _seconds(call, most, clock)

    return sample


def peak_memory(analysis: Any) -> int:
    """Bytes that a compiled call holds at once: arguments, results and temporaries."""
    return (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        + analysis.temp_size_in_bytes
        - analysis.alias_size_in_bytes
    )


def describe(error: Exception) -> str:
    """An error in one line of a table."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200].replace("|", "/")


def ratio(durations: list[float], others: list[float]) -> float:
    """Median of the ratios within each round."""
    return statistics.median(mine / other for mine, other in zip(durations, others, strict=True))


def quartiles(durations: list[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile."""
    low, middle, high = statistics.quantiles(durations, n=4, method="inclusive")
    return low, middle, high


def _seconds(call: Callable[[], Any], calls: int, clock: Clock) -> float:
    start = clock()
    for _ in range(calls):
        jax.block_until_ready(call())
    return (clock() - start) / calls


def _alternate(field: _Field, most: int, seconds: float) -> list[dict[str, float]]:
    """Rounds of one sample each, in a new order every time: neighbours share caches."""
    order = random.Random(0)
    rounds: list[dict[str, float]] = []
    deadline = time.perf_counter() + seconds
    while len(rounds) < most:
        if len(rounds) >= FEWEST_ROUNDS and time.perf_counter() > deadline:
            break
        names = order.sample(list(field.ready), len(field.ready))
        rounds.append({name: _sample(field, name) for name in names})
    return rounds


def _sample(field: _Field, name: str) -> float:
    """Seconds of one sample; processor time over wall time counts the busy cores."""
    wall, processor = time.perf_counter(), time.process_time()
    seconds = field.attempt(name, field.ready[name].sample)
    busy = time.process_time() - processor
    field.cores[name].append(busy / (time.perf_counter() - wall))
    return seconds


def _summary(case: Case, name: str, field: _Field, rounds: list[dict[str, float]]) -> Measurement:
    if name in field.errors:
        return Measurement(case.table, case.work, name, error=field.errors[name])
    column = lambda name: [durations[name] for durations in rounds]
    compared = lambda other: bool(rounds) and other in field.ready
    here = not field.ready[name].own_process
    against = lambda other: ratio(column(name), column(other)) if compared(other) else None
    return Measurement(
        table=case.table,
        work=case.work,
        contestant=name,
        quartiles_s=quartiles(column(name)) if rounds else None,
        rounds=len(rounds),
        cores=round(statistics.median(field.cores[name]), 2) if here and rounds else None,
        to_bound=against(case.bound),
        to_baseline=against(case.baseline),
        compile_s=field.ready[name].compile_s,
        memory_bytes=field.ready[name].memory_bytes,
    )
