"""One candidate of a comparison: tuned, trained anew, tested and measured."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import surrogate_spec
from ..records import CandidateResult, Cost, Trial, Tuning, to_plain
from .fingerprint import CODE, SOURCE, fingerprint, name_of, sources
from .model_checks import check_finite
from .numerics import numerics
from .outcome import curves_of, flags, noise_of_accuracy, scores_of
from .programs import Gone, Job, OnEpochs, Outcome, Runner
from .training import Bench
from .tuning import Setting, at_edge, at_setting, rounds, search, winner


class Candidate(NamedTuple):
    """What was asked for."""

    label: str
    surrogate: Surrogate
    spec: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is done with each candidate."""

    settings: Sequence[Setting]  # that are tried
    tune: Mapping[str, Sequence[Any]]
    tuning_seeds: tuple[int, ...]
    seeds: tuple[int, ...]
    epochs: int
    measure: bool

    @property
    def searched(self) -> int:
        """Epochs of all runs of the search."""
        each = sum(count * epochs for count, epochs in rounds(len(self.settings), self.epochs))
        return each * len(self.tuning_seeds)

    @property
    def cost(self) -> int:
        """Epochs of all runs."""
        return self.searched + len(self.seeds) * self.epochs

    @property
    def runs(self) -> int:
        """All trainings."""
        each = sum(count for count, _ in rounds(len(self.settings), self.epochs))
        return each * len(self.tuning_seeds) + len(self.seeds)

    @property
    def most_runs(self) -> int:
        """The largest number of runs that are trained together."""
        return max(len(self.settings) * len(self.tuning_seeds), len(self.seeds))


def result_of(
    candidate: Candidate, programs: Runner, plan: Plan, report: OnEpochs
) -> CandidateResult:
    """Find the candidate's setting, train it with each seed, and measure it."""
    tuning = _tuned(candidate, programs, plan, report)
    setting = winner(tuning.rungs[-1]) if tuning else dict(plan.settings[0])
    jobs = [Job(candidate.surrogate, setting, seed) for seed in plan.seeds]
    outcomes = programs.train(jobs, plan.epochs, report, test=True)
    bench = programs.bench_of(setting)
    _check_learnable(outcomes, bench, plan)
    chosen = at_setting(candidate.surrogate, setting)
    settings, samples = bench.settings, len(bench.task.validation)
    noise = noise_of_accuracy(samples) if bench.objective.score_name == "accuracy" else None
    return CandidateResult(
        label=candidate.label,
        spec=candidate.spec,
        setting={"learning_rate": settings.learning_rate, "clip": settings.clip} | setting,
        trained=surrogate_spec(chosen),
        scores=scores_of(outcomes),
        curves=curves_of(outcomes),
        tuning=tuning,
        cost=_measured(candidate.label, programs, jobs) if plan.measure else None,
        flags=flags(outcomes, noise),
        one_by_one=programs.one_by_one,
        workers=tuple(programs.workers),
    )


def measured(result: CandidateResult, programs: Runner, plan: Plan) -> CandidateResult:
    """The result with its cost, where it was trained without."""
    if result.cost is not None:
        return result
    setting = {name: result.setting[name] for name in plan.tune}
    jobs = [Job(result.surrogate, setting, seed) for seed in plan.seeds]
    return dataclasses.replace(result, cost=_measured(result.label, programs, jobs))


def failed(candidate: Candidate, error: Exception) -> CandidateResult:
    """The row of a candidate that has no results."""
    return CandidateResult(candidate.label, candidate.spec, error=_told(error))


def described(bench: Bench, plan: Plan) -> dict[str, Any]:
    """What is the same for all candidates, as plain values for the record."""
    objective, factory = bench.objective, bench.factory
    functions = {
        "model": factory.make,
        "optimizer": bench.settings.optimizer,
        "loss": objective.loss,
        "score": objective.score,
    }
    given = {name: function for name, function in functions.items() if function is not None}
    return to_plain(
        {
            "model": name_of(factory.make),
            "options": factory.options,
            **bench.settings.described(),
            "loss": objective.loss_name,
            "score": objective.score_name,
            "tune": plan.tune,
            "tuning_seeds": plan.tuning_seeds,
            **numerics()._asdict(),
            CODE: {name: fingerprint(function) for name, function in given.items()},
            SOURCE: sources(given),
        }
    )


def _measured(label: str, programs: Runner, jobs: list[Job]) -> Cost | None:
    """The cost; None, with a warning, where it cannot be measured."""
    try:
        return programs.measure(jobs)
    except Gone:
        raise
    except Exception as error:
        warnings.warn(
            f"{label} could not be measured: {_told(error)}. What it has learnt is kept; with out= "
            "and resume=True it is measured again",
            stacklevel=2,
        )
        return None


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _tuned(candidate: Candidate, programs: Runner, plan: Plan, report: OnEpochs) -> Tuning | None:
    if len(plan.settings) < 2:
        return None
    start = time.perf_counter()

    def train(settings: list[Setting], epochs: int) -> list[Trial]:
        jobs = [Job(candidate.surrogate, s, seed) for s in settings for seed in plan.tuning_seeds]
        outcomes = programs.train(jobs, epochs, report)
        ends = [(one.curves.score[-1], one.curves.loss[-1]) for one in outcomes]
        by_setting: np.ndarray = np.reshape(ends, (len(settings), -1, 2))
        return [
            Trial(setting, *map(tuple, of_one.T.tolist()))
            for setting, of_one in zip(settings, by_setting)
        ]

    rungs = search(plan.settings, plan.epochs, train)
    return Tuning(
        seeds=plan.tuning_seeds,
        rungs=rungs,
        at_edge=at_edge(winner(rungs[-1]), plan.tune),
        runs=len(plan.tuning_seeds) * sum(len(rung.trials) for rung in rungs),
        epochs=plan.searched,
        seconds=round(time.perf_counter() - start, 3),
    )


def _check_learnable(outcomes: Sequence[Outcome], bench: Bench, plan: Plan) -> None:
    """If no run has had a finite score, find out whether the model is at fault."""
    if not any(np.isfinite(one.curves.score).any() for one in outcomes):
        check_finite(bench, plan.seeds[0])
