"""Does the surrogate matter? Answers from `docs/results/matter.json`, as tables and figures.

The questions and measures are those of the protocol's third part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import numpy as np
from scipy import stats

from braintools_qps.records import choose

from ..problems import PROBLEMS
from .matter import HEIGHTS, RATES, SCORES, SURROGATES
from .tables import effect, table, tenths
from .trained import Effect, chosen_elsewhere, over

# Learning rates and heights in the order in which `matter` trains them
SETTINGS = [
    (rate, height)
    for height in HEIGHTS
    for rate in RATES[: 2 if height == "at 0.025" else 3]
]  # fmt: skip
AS_IT_COMES = [SETTINGS.index((0.03, "as it comes"))]
LOWERED = [SETTINGS.index((0.03, "at 0.1"))]
SLOWER = [SETTINGS.index((0.01, "at 0.1"))]  # looked at after the plan
TUNED = [SETTINGS.index((rate, "at 0.1")) for rate in RATES]  # as `compare` does
TWO_HEIGHTS = [SETTINGS.index((r, h)) for r, h in product(RATES[:2], ("at 0.1", "at 0.025"))]
FAT = ("alpha 1/2", "alpha 1")
NAMES = {  # of surrogates that sentences quote
    "ReluGrad": "relu", "Sigmoid": "sigmoid", "alpha 1/2": "fat", "alpha 1": "one",
    "alpha 2": "two", "alpha 8": "eight",
}  # fmt: skip
ORDINARY = tuple(label for label in SURROGATES if label not in FAT)


@dataclass(frozen=True, eq=False)
class Answered:
    """Percent correct on one problem, by surrogate: (settings, seeds)."""

    name: str
    held_out: bool
    minutes: float
    firing_rate: float
    validation: Mapping[str, np.ndarray]  # -inf where training diverged
    test: Mapping[str, np.ndarray]  # that of guessing where training diverged

    def chosen(self, label: str, settings: Sequence[int]) -> np.ndarray:
        """Test score of the setting that each seed chooses by validation, as `compare` does."""
        tried = [dict(zip(("learning_rate", "height"), SETTINGS[place])) for place in settings]
        validation = self.validation[label][settings].T
        places = [settings[choose(tried, list(of_seed))] for of_seed in validation]
        return self.test[label][places, np.arange(len(places))]

    def best_elsewhere(self) -> float:
        """The best surrogate and setting by other seeds: too low a reference, by little."""
        return float(chosen_elsewhere(np.concatenate(list(self.test.values()))).mean())

    def best_in_sample(self) -> float:
        """The best mean over seeds: too high a reference, by little."""
        return max(float(scores.mean(axis=1).max()) for scores in self.test.values())

    def lost(self, label: str, settings: Sequence[int], *, in_sample: bool = False) -> float:
        best = self.best_in_sample() if in_sample else self.best_elsewhere()
        return best - float(self.chosen(label, settings).mean())

    def tuned(self) -> np.ndarray:
        """Ordinary surrogates, tuned: (surrogates, seeds)."""
        return np.array([self.chosen(label, TUNED) for label in ORDINARY])

    def p_value(self) -> float:
        """Of a repeated-measures F test: do the means of ordinary surrogates differ?"""
        scores = self.tuned()
        count, seeds = scores.shape
        rest = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
        freedom = count - 1, (count - 1) * (seeds - 1)
        between = seeds * scores.mean(axis=1).var() * count / freedom[0]
        return float(stats.f.sf(between / ((rest**2).sum() / freedom[1]), *freedom))

    def second_height(self) -> float:
        """Points that two heights at two learning rates gain over one height at three."""
        gain = [self.chosen(label, TWO_HEIGHTS) - self.chosen(label, TUNED) for label in ORDINARY]
        return float(np.mean(gain))


@cache
def answered() -> tuple[Answered, ...]:
    """The problems that have been trained, in the protocol's order."""
    problems = json.loads(SCORES.read_text(encoding="utf-8"))["problems"] if SCORES.exists() else {}
    return tuple(
        _read(problem.name, problems[problem.name])
        for problem in PROBLEMS
        if problem.name in problems
    )


def _read(name: str, record: Mapping) -> Answered:
    percent = lambda part, label, missing: np.array(
        [[missing if x is None else x / 10 for x in of] for of in record["scores"][label][part]]
    )
    return Answered(
        name,
        record["held_out"],
        record["minutes"],
        record["firing rate"],
        {label: percent("validation", label, -np.inf) for label in SURROGATES},
        {label: percent("test", label, record["chance"]) for label in SURROGATES},
    )


def half(held_out: bool) -> list[Answered]:
    return [problem for problem in answered() if problem.held_out == held_out]


def mean(measure: Callable[[Answered], float], held_out: bool = True) -> Effect:
    return over([measure(problem) for problem in half(held_out)])


def starts() -> Iterable[list]:
    """Points below the best for each surrogate, on held-out problems."""
    for label in SURROGATES:
        ways = [
            mean(partial(Answered.lost, label=label, settings=settings))
            for settings in (AS_IT_COMES, LOWERED, SLOWER, TUNED)
        ]
        upper = partial(Answered.lost, label=label, settings=TUNED, in_sample=True)
        yield [label, *ways, mean(upper)]


def by_problem() -> Iterable[list]:
    """The range of ordinary surrogates, tuned, beside the spread between seeds."""
    for problem in answered():
        scores = problem.tuned()
        means = dict(zip(ORDINARY, scores.mean(axis=1)))
        order = sorted(means, key=means.__getitem__)
        yield [
            problem.name,
            "held out" if problem.held_out else "development",
            float(np.ptp(scores.mean(axis=1))),
            float(scores.std(axis=1, ddof=1).mean()),
            f"{problem.p_value():.2f}",
            f"{order[-1]}, {means[order[-1]]:.1f}",
            f"{order[0]}, {means[order[0]]:.1f}",
        ]


def tables() -> dict[str, str]:
    """Tables and figures of the page, by name."""
    heads = ["as it comes", "lowered", "lowered, 0.01", "tuned", "tuned, upper bound"]
    held, losses = half(True), {label: ways for label, *ways in starts()}
    given, tuned = ([losses[label][way].mean for label in ORDINARY] for way in (0, 3))
    found = {
        "starts": table(["surrogate", *heads], starts()),
        "by_problem": table(
            ["problem", "half", "range", "spread of seeds", "p", "highest", "lowest"], by_problem()
        ),
        "lost": table(
            ["problem", *SURROGATES],
            [[p.name, *(p.lost(label, TUNED) for label in SURROGATES)] for p in held],
        ),
        "trainings": f"{sum(_trainings(problem) for problem in answered()):,}",
        "minutes": f"{sum(problem.minutes for problem in answered()):.0f}",
        "problems": str(len(held)),
        "given_low": tenths(min(given)),
        "given_high": tenths(max(given)),
        "tuned_low": tenths(min(tuned)),
        "tuned_high": tenths(max(tuned)),
        "told_apart": str(sum(problem.p_value() < 0.05 for problem in held)),
        "second_height": effect(mean(Answered.second_height)),
        "second_height_development": effect(mean(Answered.second_height, held_out=False)),
    }
    for problem in held:
        name = problem.name.partition(" ")[0].partition(",")[0].lower()
        found[f"start_{name}"] = tenths(problem.lost("alpha 8", LOWERED))
        found[f"slower_{name}"] = tenths(problem.lost("alpha 8", SLOWER))
    for label, name in NAMES.items():
        for way, lost in zip(("given", "low", "slow", "tuned", "most"), losses[label]):
            found[f"{name}_{way}"] = effect(lost)
    return {f"matter_{name}": text for name, text in found.items()}


def _trainings(problem: Answered) -> int:
    return sum(scores.size for scores in problem.test.values())
