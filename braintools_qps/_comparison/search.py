"""Each seed's own setting: it trains all of them in full, and its validation score chooses.

The test score of that very training is reported, so that a difference between candidates contains
the luck of tuning. What is tuned by default is the learning rate alone: a candidate's dampening is
set before, from its slopes at the initial weights.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._checks import check_positive, did_you_mean
from ..records import CandidateResult, Trial, Tuning
from .factory import GIVEN, parameters_of
from .fingerprint import name_of
from .model import initialised, mean_slopes, seeded
from .model_checks import check_finite
from .optimizers import GIVEN as GIVEN_TO_OPTIMIZERS
from .optimizers import names_of
from .outcome import Candidate, result_of
from .train import Job, Outcome, at_setting
from .training import MEAN_SLOPE, OF_SURROGATES, RATE, Experiment

POSITIVE = (RATE, *OF_SURROGATES, "clip")

Setting = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is done with each candidate."""

    tune: Mapping[str, Sequence[Any]]
    seeds: tuple[int, ...]
    epochs: int

    @cached_property
    def settings(self) -> list[Setting]:
        """Every combination of the values that are tuned; an empty one where nothing is."""
        return [dict(zip(self.tune, values)) for values in itertools.product(*self.tune.values())]

    @property
    def runs(self) -> int:
        """All trainings of a candidate."""
        return len(self.settings) * len(self.seeds)


def plan_of(tune: Any, seeds: tuple[int, ...], epochs: int, experiment: Experiment) -> Plan:
    """Check what is to be tuned.

    Raises
    ------
    TypeError, ValueError
        If a name is not one that can be tuned, has no values, or one that is out of range.
    """
    names = searched(tune)
    _check_names(names, experiment)
    return Plan(names, seeds, epochs)


def job_of(candidate: Candidate, plan: Plan, experiment: Experiment) -> Job:
    """All trainings of a candidate: every setting with every seed."""
    settings = _with_dampening(candidate, plan, experiment)
    runs = tuple((setting, seed) for seed in plan.seeds for setting in settings)
    return Job(candidate.surrogate, runs, plan.epochs)


def found(
    candidate: Candidate, job: Job, outcomes: Sequence[Outcome], plan: Plan, experiment: Experiment
) -> CandidateResult:
    """The record of a candidate: of each seed, the training with the best validation score."""
    if not any(np.isfinite(one.curves.score).any() for one in outcomes):
        check_finite(experiment.at(job.runs[0][0]), plan.seeds[0])  # is the model at fault?
    count = len(plan.settings)
    settings = [setting for setting, _ in job.runs[:count]]
    by_seed = [outcomes[start : start + count] for start in range(0, len(outcomes), count)]
    chosen = tuple(map(_best, by_seed))
    setting = settings[Counter(chosen).most_common(1)[0][0]]  # the first chosen, of equals
    trials = tuple(_trial(*one) for one in zip(settings, zip(*by_seed)))
    tuning = Tuning(trials, chosen, at_edge(setting, plan.tune)) if plan.tune else None
    own = [of_seed[number] for of_seed, number in zip(by_seed, chosen)]
    return result_of(candidate, setting, own, tuning, experiment)


def _best(outcomes: Sequence[Outcome]) -> int:
    """Which has the highest validation score, the first of equals; what diverged comes last."""
    scores = np.array([one.curves.score[-1] for one in outcomes])
    return int(np.argmax(np.where(np.isnan(scores), -np.inf, scores)))


def _trial(setting: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Trial:
    numbers = lambda values: tuple(map(float, values))
    return Trial(
        setting,
        validation=numbers(one.curves.score[-1] for one in outcomes),
        test=numbers(one.tested.score for one in outcomes),
        loss=numbers(one.curves.loss[-1] for one in outcomes),
    )


def _with_dampening(candidate: Candidate, plan: Plan, experiment: Experiment) -> list[Setting]:
    """The settings, each with the dampening that brings about its mean slope, if it has one.

    The population with the largest mean slope decides, at the initial weights of the first seed.
    """
    largest: dict[str, float] = {}
    settings = []
    for setting in plan.settings:
        if MEAN_SLOPE in setting:
            others = {n: value for n, value in setting.items() if n not in (RATE, MEAN_SLOPE)}
            if (key := repr(others)) not in largest:
                surrogate = at_setting(candidate.surrogate, others)
                largest[key] = _largest_slope(surrogate, plan.seeds[0], experiment.at(others))
            wanted = setting[MEAN_SLOPE]
            factor = min(1.0, wanted / max(largest[key], wanted))
            setting = {**setting, "dampening": float(f"{factor:.3g}")}
        settings.append(setting)
    return settings


def _largest_slope(surrogate: Surrogate, seed: int, experiment: Experiment) -> float:
    """The largest mean slope of a population over a batch of the seed's training part."""
    task = experiment.task
    inputs = task.samples.inputs[task.split(seed).train[: experiment.batch_size]]
    with seeded(jax.random.key(seed), seed):
        model = experiment.model(surrogate)
        initialised(model, experiment.batch_size)
        slopes = mean_slopes(model, jnp.asarray(task.normalised(inputs)))
    return max((float(slope) for slope in slopes if jnp.isfinite(slope)), default=0.0)


def _check_names(tune: Mapping[str, Any], experiment: Experiment) -> None:
    """Whether every name is one that can be tuned.

    Raises
    ------
    ValueError
        If one is neither ours nor a keyword of the factory or the optimizer, or is both, or two
        say the same.
    """
    if "dampening" in tune and MEAN_SLOPE in tune:
        raise ValueError(
            f"tune can name dampening or {MEAN_SLOPE}, which sets the dampening, got both. Leave "
            "one out"
        )
    make = experiment.factory.make
    parameters = parameters_of(make)
    given = *GIVEN, "surrogate"
    of_factory = [p.name for p in parameters if not (p.name in given or p.kind is p.VAR_KEYWORD)]
    of_optimizer = [n for n in names_of(experiment.optimizer) if n not in GIVEN_TO_OPTIMIZERS]
    ours = (RATE, *OF_SURROGATES)
    if both := sorted({*of_factory} & {*ours, *of_optimizer} & {*tune}):
        raise ValueError(
            f"each name that is tuned must have one meaning, got {both[0]}, which is a keyword of "
            f"{name_of(make)} and one of training. Give the factory's another name"
        )
    known = (*ours, *of_optimizer, *of_factory)
    unknown = [name for name in tune if name not in known]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise ValueError(
            f"tune can name {', '.join(known)} (of the surrogate, the optimizer and the factory "
            f"{name_of(make)}), got {', '.join(unknown)}. Add the keyword to the factory, or "
            f"correct the name{did_you_mean(unknown[0], known)}"
        )


def searched(tune: Mapping[str, Sequence[Any]] | None) -> dict[str, tuple[Any, ...]]:
    """What is tuned, checked: names and the values that are searched.

    Raises
    ------
    TypeError, ValueError
        If a name has no values, one twice, or one that is out of range.
    """
    if tune is None:
        return {}
    if not isinstance(tune, Mapping):
        raise TypeError(
            "tune must be a mapping of names to values, such as {'learning_rate': (0.01, 0.1)}, or "
            f"None, got {tune!r}"
        )
    listed = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in tune.items()}
    for name, values in listed.items():
        _check_values(name, values)
    return {name: tuple(values) for name, values in listed.items()}


def _check_values(name: str, values: Any) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise TypeError(
            f"tune must name a sequence of values for {name}, got {values!r}. For example "
            f"tune={{{name!r}: (0.5, 1.0)}}"
        )
    if name in POSITIVE:
        for value in values:
            if not (name == "alpha" and value == math.inf):
                check_positive(name, value, none=name == "clip")
    if any(value in values[:number] for number, value in enumerate(values)):
        raise ValueError(f"tune must name each value of {name} once, got {values!r}")


def at_edge(setting: Mapping[str, Any], tune: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Names of which the value is the smallest or the largest number that was searched."""
    return tuple(name for name, values in tune.items() if _is_extreme(setting[name], values))


def _is_extreme(value: Any, values: Sequence[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return len(numbers) > 1 and value in (min(numbers), max(numbers))
