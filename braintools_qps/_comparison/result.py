"""Makes the record of a candidate from the outcomes of training: scores, curves, problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jax import Array

from .._registry import surrogate_spec
from .._wording import cause_of
from ..records import (
    CandidateResult,
    Comparison,
    Cost,
    Curves,
    Scores,
    Trial,
    Tuning,
    choose,
    to_plain,
)
from .experiment import RATE, Experiment, at_setting
from .numerics import present_environment
from .plan import Candidate, Run
from .runs import MEASURED, History, Outcome
from .scoring import guess

SILENT = 1e-3  # spikes per neuron and step


def choices(
    runs: Sequence[Run], outcomes: Sequence[Outcome], experiment: Experiment
) -> tuple[list[int], Tuning | None]:
    """The row of the run that each seed chooses, of all settings with all seeds; and the tuning."""
    count = len(experiment.settings)
    settings = [run.setting for run in runs[:count]]
    by_seed = [outcomes[start : start + count] for start in range(0, len(outcomes), count)]
    last = [[float(outcome.history.score[-1]) for outcome in of_seed] for of_seed in by_seed]
    numbers = tuple(choose(settings, scores) for scores in last)
    trials = tuple(
        Trial(
            setting,
            validation=_numbers(outcome.history.score[-1] for outcome in of_setting),
            test=_numbers(outcome.tested["test"] for outcome in of_setting),
            loss=_numbers(outcome.history.loss[-1] for outcome in of_setting),
        )
        for setting, of_setting in zip(settings, zip(*by_seed))
    )
    rows = [seed * count + number for seed, number in enumerate(numbers)]
    return rows, Tuning(trials, numbers) if experiment.tune else None


def result_of(
    picked: Sequence[tuple[Run, Outcome]], tuning: Tuning | None, experiment: Experiment
) -> CandidateResult:
    """The record of a candidate, from the run that each seed has chosen."""
    runs, outcomes = zip(*picked)
    candidate = runs[0].candidate
    setting = tuning.trials[tuning.most_chosen].setting if tuning else {}
    histories = zip(*(outcome.history for outcome in outcomes))
    return CandidateResult(
        label=candidate.label,
        spec=candidate.spec,
        seeds=tuple(run.seed for run in runs),
        setting={RATE: experiment.usual_rate} | dict(setting),
        tuned_spec=surrogate_spec(at_setting(candidate.surrogate, setting)),
        scores=Scores(
            validation=_numbers(outcome.history.score[-1] for outcome in outcomes),
            **{name: _numbers(each.tested[name] for each in outcomes) for name in MEASURED},
        ),
        curves=Curves(*(tuple(map(_numbers, each)) for each in histories)),
        tuning=tuning,
        cost=Cost(float(np.median([outcome.seconds for outcome in outcomes])), outcomes[0].bytes),
        flags=flags([outcome.history for outcome in outcomes]),
    )


def blank(candidates: Iterable[Candidate], experiment: Experiment) -> Comparison:
    """A comparison that has no results yet."""
    settings = {
        RATE: experiment.usual_rate,
        "loss": experiment.scoring.loss_name,
        "score": experiment.scoring.score_name,
        "guess": guess(experiment.task, experiment.scoring),
        "tune": experiment.tune,
        **({"prepare": True} if experiment.prepare else {}),
    }
    return Comparison(
        task={**experiment.task.facts, "sha256": experiment.task.sha256},
        settings=to_plain({**experiment.facts, **settings}),
        seeds=experiment.seeds,
        candidates=tuple(candidate.spec for candidate in candidates),
        environment=present_environment(),
    )


def failed(candidate: Candidate, error: Exception) -> CandidateResult:
    """The row of a candidate that has no results."""
    cause = cause_of(error)
    lines = str(cause).strip().splitlines() or [""]
    message = f"{type(cause).__name__}: {lines[0]}"
    return CandidateResult(candidate.label, candidate.spec, error=message)


def _numbers(values: Iterable[Array | float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def flags(runs: Sequence[History]) -> Mapping[str, int]:
    """How many runs went wrong, by kind; kinds that did not occur are left out."""
    troubles = {
        "nan": [not np.isfinite((run.score[-1], run.loss[-1])).all() for run in runs],
        "silent": [bool(run.firing_rate[-1] < SILENT) for run in runs],
    }
    return {name: sum(each) for name, each in troubles.items() if any(each)}
