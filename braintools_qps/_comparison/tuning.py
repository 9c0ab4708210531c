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
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from braintools.surrogate import Surrogate

from .._checks import checked_count
from .._defaults import DAMPENINGS, LEARNING_RATES
from .._surrogate import adjusted
from ..records import Rung, Trial
from .settings import check_positive

DEFAULT_TUNE: Mapping[str, Sequence[Any]] = {
    "learning_rate": LEARNING_RATES,
    "dampening": DAMPENINGS,
}

RATE = "learning_rate"
POSITIVE = ("learning_rate", "dampening", "scale", "alpha", "clip")
SHORT, SHORTEST = 0.1, 2  # the first round's share of the epochs, and at least so many
FINALISTS, FEWEST = 2, 4  # in the second round; with so few settings it is the only one
COST, TRIED = 0.05, 40  # of a grid that is too large, the search's share; and at least so many
FIRST_SEED = 1_000_003  # far from the small numbers that people report on

Setting = dict[str, Any]


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


def at_setting(surrogate: Surrogate, setting: Mapping[str, Any]) -> Surrogate:
    """The surrogate at a setting: ``dampening`` and ``scale`` are factors, ``alpha`` is a value.

    Raises
    ------
    ValueError
        If the setting has an alpha and the surrogate none.
    """
    own = ("dampening", "scale", "alpha")
    return adjusted(surrogate, **{name: setting[name] for name in own if name in setting})


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
    >>> from braintools_qps._comparison.tuning import rounds
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


def tuning_seeds(count: int, reported: Sequence[int]) -> tuple[int, ...]:
    """So many seeds that are not reported on.

    Raises
    ------
    TypeError, ValueError
        If it is not a whole number of 1 or more.
    """
    count = checked_count("tuning_runs", count)
    free = (seed for seed in itertools.count(FIRST_SEED) if seed not in reported)
    return tuple(itertools.islice(free, count))


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


def search(
    settings: Sequence[Setting],
    epochs: int,
    train: Callable[[list[Setting], int], list[Trial]],
) -> tuple[Rung, ...]:
    """Train all rounds: the `winner` of the last one is the candidate's own setting.

    ``train(settings, epochs)`` returns their trials.
    """
    rungs: list[Rung] = []
    for count, length in rounds(len(settings), epochs):
        alive = list(settings) if not rungs else finalists(rungs[-1], count)
        rungs.append(Rung(length, tuple(train(alive, length))))
    return tuple(rungs)
