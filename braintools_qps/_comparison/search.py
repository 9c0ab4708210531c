"""Each candidate's own setting: everything for a short while, then a few to the end.

A short training is judged by its training loss, which moves while the accuracy on the validation
part is still that of guessing. It says little about learning rates, because what learns fast is
ahead at first. So the short round compares settings of the same learning rate only, and keeps what
does well at all of them. Of a large grid it has a random sample. The second round decides by the
validation score. It is as long as what will be reported, because a heavy tail can learn and then
collapse. Each training begins at the initial weights and has a schedule of its own length: a
learning rate that has not yet come down would say little about how it ends.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import check_positive, did_you_mean
from ..records import CandidateResult, Rung, Trial, Tuning
from .factory import GIVEN, parameters_of
from .fingerprint import name_of
from .model_checks import check_finite
from .optimizers import GIVEN as GIVEN_TO_OPTIMIZERS
from .optimizers import names_of
from .outcome import Candidate, result_of
from .train import Job, Outcome
from .training import OF_SURROGATES, RATE, Experiment

POSITIVE = (RATE, *OF_SURROGATES, "clip")
SHORT, SHORTEST = 0.1, 2  # the first round's share of the epochs, and at least so many
FINALISTS, FEWEST = 2, 4  # in the second round; with so few settings it is the only one
COST, TRIED = 0.05, 40  # of a grid that is too large, the search's share; and at least so many
FIRST_SEED = 1_000_003  # far from the small numbers that people report on

Setting = dict[str, Any]
Search = Generator[Job, list[Outcome], CandidateResult]


@dataclass(frozen=True)
class Plan:
    """What is done with each candidate."""

    tune: Mapping[str, Sequence[Any]]
    settings: Sequence[Setting]  # that are tried
    tuning_seed: int
    seeds: tuple[int, ...]
    epochs: int

    @property
    def rounds(self) -> list[tuple[int, int]]:
        """How many settings are in each round of the search, and for how many epochs."""
        return rounds(len(self.settings), self.epochs)

    @property
    def all_epochs(self) -> int:
        """Epochs of all runs of a candidate."""
        return sum(n * epochs for n, epochs in self.rounds) + len(self.seeds) * self.epochs

    @property
    def all_runs(self) -> int:
        """All trainings of a candidate."""
        return sum(count for count, _ in self.rounds) + len(self.seeds)

    @property
    def most_runs(self) -> int:
        """The largest number of runs that are trained together."""
        return max(len(self.settings), len(self.seeds))


def plan_of(tune: Any, seeds: tuple[int, ...], epochs: int, experiment: Experiment) -> Plan:
    """Check what is to be tuned, and draw the settings to try.

    Raises
    ------
    TypeError, ValueError
        If a name is not one that can be tuned, has no values, or one that is out of range.
    """
    names = searched(tune)
    _check_names(names, experiment)
    free = (seed for seed in itertools.count(FIRST_SEED) if seed not in seeds)
    return Plan(names, tried(names), next(free), seeds, epochs)


def search(candidate: Candidate, plan: Plan, experiment: Experiment) -> Search:
    """Find the candidate's setting and train it with each seed: yields jobs, is sent outcomes."""
    started = time.perf_counter()
    rungs: list[Rung] = []
    for count, epochs in plan.rounds:
        alive = list(plan.settings) if not rungs else finalists(rungs[-1], count)
        runs = tuple((setting, plan.tuning_seed) for setting in alive)
        outcomes = yield Job(candidate.surrogate, runs, epochs)
        ends = [(float(o.curves.score[-1]), float(o.curves.loss[-1])) for o in outcomes]
        rungs.append(Rung(epochs, tuple(Trial(s, *((x,) for x in e)) for s, e in zip(alive, ends))))
    setting = winner(rungs[-1]) if rungs else dict(plan.settings[0])
    tuning = _tuning(rungs, setting, plan, time.perf_counter() - started)
    runs = tuple((setting, seed) for seed in plan.seeds)
    outcomes = yield Job(candidate.surrogate, runs, plan.epochs, test=True)
    if not any(np.isfinite(one.curves.score).any() for one in outcomes):
        check_finite(experiment.at(setting), plan.seeds[0])  # is the model at fault?
    return result_of(candidate, setting, outcomes, tuning, experiment)


def _tuning(rungs: list[Rung], setting: Setting, plan: Plan, seconds: float) -> Tuning | None:
    if not rungs:
        return None
    return Tuning(
        seeds=(plan.tuning_seed,),
        rungs=tuple(rungs),
        at_edge=at_edge(setting, plan.tune),
        runs=sum(len(rung.trials) for rung in rungs),
        epochs=sum(len(rung.trials) * rung.epochs for rung in rungs),
        seconds=round(seconds, 3),
    )


def _check_names(tune: Mapping[str, Any], experiment: Experiment) -> None:
    """Whether every name is one that can be tuned.

    Raises
    ------
    ValueError
        If one is neither ours nor a keyword of the factory or the optimizer, or is both.
    """
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


def grid(tune: Mapping[str, Sequence[Any]]) -> list[Setting]:
    """Every combination of the values that are searched; one empty setting where nothing is."""
    return [dict(zip(tune, values)) for values in itertools.product(*tune.values())]


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


def tried(tune: Mapping[str, Sequence[Any]], seed: int = FIRST_SEED) -> list[Setting]:
    """The settings of the first round: all of the grid, or of a large one a random sample.

    The sample is of what settings have besides the learning rate, and has all learning rates of
    each. It is the same for all candidates.
    """
    settings, rates = grid(tune), len(tune.get(RATE, (None,)))
    others = grid({name: values for name, values in tune.items() if name != RATE})
    bought = round((COST * len(settings) - FINALISTS) / SHORT)
    count = max(1, max(bought, TRIED) // rates)
    if count >= len(others):
        return settings
    drawn = np.random.default_rng(seed).choice(len(others), count, replace=False)
    kept = [others[index] for index in drawn]
    return [s for s in settings if {n: v for n, v in s.items() if n != RATE} in kept]


def rounds(settings: int, epochs: int) -> list[tuple[int, int]]:
    """How many settings are in each round, and for how many epochs each is trained.

    Examples
    --------
    >>> from braintools_qps._comparison.search import rounds
    >>> rounds(20, 20)
    [(20, 2), (2, 20)]
    >>> rounds(4, 20)
    [(4, 20)]
    """
    if settings < 2:
        return []
    short = max(SHORTEST, round(SHORT * epochs))
    saves = settings * short + FINALISTS * epochs < settings * epochs
    if settings <= FEWEST or not saves:
        return [(settings, epochs)]
    return [(settings, short), (FINALISTS, epochs)]


def finalists(rung: Rung, count: int) -> list[Setting]:
    """The settings for the next round, in the order in which they were tried.

    A setting has a point for each of the same learning rate with a higher loss, and half a point
    for an equal one. What settings have besides the learning rate is ranked by the mean of these
    points over all learning rates; those that differ in nothing else, by their loss.
    """
    means = np.array([np.mean(trial.losses) for trial in rung.trials])
    losses = np.where(np.isnan(means), np.inf, means)  # what diverged comes last
    same_rate = _pairs([trial.setting.get(RATE) for trial in rung.trials])
    same_rest = _pairs([{**trial.setting, RATE: None} for trial in rung.trials])
    better = (losses[:, None] < losses) + 0.5 * (losses[:, None] == losses)
    points = (same_rate * better).sum(axis=1)
    mean_points = same_rest @ points / same_rest.sum(axis=1)
    order = np.lexsort((losses, same_rest.argmax(axis=1), -mean_points))
    return [dict(rung.trials[index].setting) for index in sorted(order[:count])]


def winner(rung: Rung) -> Setting:
    """The setting with the highest mean score, the first of equals; what diverged comes last."""
    means = np.array([np.mean(trial.scores) for trial in rung.trials])
    best = np.argmax(np.where(np.isnan(means), -np.inf, means))
    return dict(rung.trials[best].setting)


def _pairs(values: Sequence[Any]) -> np.ndarray:
    """Which of them are equal."""
    return np.array([[one == other for other in values] for one in values])


def at_edge(setting: Setting, tune: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Names of which the value is the smallest or the largest number that was searched."""
    return tuple(name for name, values in tune.items() if _is_extreme(setting[name], values))


def _is_extreme(value: Any, values: Sequence[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return len(numbers) > 1 and value in (min(numbers), max(numbers))
