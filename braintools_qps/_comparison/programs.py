"""All trainings of a comparison: each goes to the compiled program that serves it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
from braintools.surrogate import Surrogate

from .._surrogate import traceable
from ..records import Cost
from .cost import measure_cost
from .factory import GIVEN, parameters_of
from .fingerprint import name_of
from .trainer import Trainer
from .training import Bench, Curves, Run, Tested
from .tuning import POSITIVE, at_setting

OnEpochs = Callable[[int, float], None]  # epochs done since the last call, mean loss


class Job(NamedTuple):
    """One training: a surrogate at a setting, with a seed."""

    surrogate: Surrogate
    setting: Mapping[str, Any]
    seed: int

    @property
    def adjusted(self) -> Surrogate:
        """The surrogate at the setting."""
        return at_setting(self.surrogate, self.setting)


@dataclass
class Tally:
    """How many runs there are."""

    finished: int = 0
    training: int = 0


class Outcome(NamedTuple):
    """What became of a job."""

    curves: Curves  # by epoch
    best_epoch: int
    tested: Tested | None  # None where nothing was


class Gone(RuntimeError):
    """The executor takes no more work: the comparison ends, with what has finished."""


class Runner(Protocol):
    """Whatever trains jobs: this process, or an executor's workers."""

    bench: Bench

    @property
    def one_by_one(self) -> str | None:
        """Why some model could not be vmapped, if one could not."""

    @property
    def workers(self) -> Sequence[Mapping[str, Any]]:
        """Other processes that had a part in it."""

    def bench_of(self, setting: Mapping[str, Any]) -> Bench:
        """The bench with the factory's options at a setting."""

    def train(
        self, jobs: Sequence[Job], epochs: int, on_epochs: OnEpochs, *, test: bool = False
    ) -> list[Outcome]:
        """Train all jobs for so many epochs; return what became of each, in their order."""

    def measure(self, jobs: Sequence[Job]) -> Cost:
        """Cost of one surrogate, which all jobs have."""


class Programs:
    """Compiled programs, made when they are first needed."""

    def __init__(self, bench: Bench, most_runs: int) -> None:
        self.bench = bench
        self.tally = Tally()
        self._most_runs = most_runs
        self._trainers: dict[Any, Trainer] = {}

    @property
    def workers(self) -> Sequence[Mapping[str, Any]]:
        """None but this process."""
        return ()

    @property
    def one_by_one(self) -> str | None:
        """Why some model could not be vmapped, if one could not."""
        reasons = (trainer.one_by_one for trainer in self._trainers.values())
        return next(filter(None, reasons), None)

    def bench_of(self, setting: Mapping[str, Any]) -> Bench:
        """The bench with the factory's options at a setting."""
        return bench_of(self.bench, setting)

    def close(self) -> None:
        """All that was to be trained is."""

    def give_up(self) -> None:
        """Nothing will come of it."""

    def train(
        self, jobs: Sequence[Job], epochs: int, on_epochs: OnEpochs, *, test: bool = False
    ) -> list[Outcome]:
        """Train all jobs for so many epochs; return what became of each, in their order."""
        outcomes: dict[int, Outcome] = {}
        for key, numbers in groups(jobs).items():
            group = [jobs[number] for number in numbers]
            found = self.train_group(self._trainer(key, group[0]), group, epochs, on_epochs, test)
            outcomes |= zip(numbers, found)
        return [outcomes[number] for number in range(len(jobs))]

    def measure(self, jobs: Sequence[Job]) -> Cost:
        """Cost of one surrogate, which all jobs have."""
        return measure_cost(jobs[0].adjusted, self.bench_of(jobs[0].setting))

    def train_group(
        self,
        trainer: Trainer,
        jobs: list[Job],
        epochs: int,
        on_epochs: OnEpochs,
        test: bool,
        **halfway: Any,
    ) -> list[Outcome]:
        """Train jobs that share a program; further options are those of `Trainer.train`."""
        runs, tally = [self._run(job) for job in jobs], self.tally

        def report(epoch: int, loss: float) -> None:
            ended = epoch + 1 == epochs
            tally.finished += len(runs) * ended
            tally.training = len(runs) * (not ended)
            on_epochs(len(runs), loss)

        trained = trainer.train(runs, epochs, report, **halfway)
        tested = trainer.test(runs, trained) if test else None
        row = lambda tree, number: jax.tree.map(lambda leaf: leaf[number], tree)
        return [
            Outcome(row(trained.curves, n), int(trained.best_epoch[n]), row(tested, n))
            for n in range(len(runs))
        ]

    def _trainer(self, key: Any, job: Job) -> Trainer:
        if key not in self._trainers:
            bench = self.bench_of(job.setting)
            self._trainers[key] = Trainer(job.adjusted, bench, self._most_runs)
        return self._trainers[key]

    def _run(self, job: Job) -> Run:
        settings = self.bench.settings
        rate = job.setting.get("learning_rate", settings.learning_rate)
        clip = job.setting.get("clip", settings.clip)
        numbers = traceable(job.adjusted).numbers
        own = {"learning_rate": rate, "clip": math.inf if clip is None else clip}
        return Run(job.seed, numbers | own)


def bench_of(bench: Bench, setting: Mapping[str, Any]) -> Bench:
    """The bench with the factory's options at a setting."""
    return dataclasses.replace(bench, options=options_of(setting))


def groups(jobs: Sequence[Job]) -> dict[Any, list[int]]:
    """Places of the jobs that one compiled program trains, by what it depends on."""
    found: dict[Any, list[int]] = {}
    for number, job in enumerate(jobs):
        options = tuple((name, repr(value)) for name, value in options_of(job.setting).items())
        found.setdefault((traceable(job.adjusted).key, options), []).append(number)
    return found


def options_of(setting: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a setting that the factory takes."""
    return {name: value for name, value in setting.items() if name not in POSITIVE}


def check_names(tune: Mapping[str, Any], factory: Callable) -> None:
    """Whether every name is one that can be tuned.

    Raises
    ------
    ValueError
        If one is neither ours nor a keyword of the factory.
    """
    parameters = parameters_of(factory)
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.name not in GIVEN]
    if unknown := [name for name in tune if name not in (*POSITIVE, *known)]:
        raise ValueError(
            f"tune can name {', '.join((*POSITIVE, *known))} (the latter are keywords of "
            f"{name_of(factory)}), got {', '.join(unknown)}. Add the keyword to the factory, or "
            "correct the name"
        )
