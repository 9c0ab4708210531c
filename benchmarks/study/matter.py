"""Does the surrogate matter? Nine of them, as they come, lowered and tuned.

The questions and measures are those of the protocol's third part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from .trained import Effect, Trained, over, table, tenths, trained, trainings_of
from .trainings import BOOK, NINE, RATES

LOW, LOWER = "mean slope 0.1", "mean slope 0.025"
ASKED = BOOK["matter"]
WAYS, NAMED, KINDS, TODAY = (ASKED[name] for name in ("ways", "named", "kinds", "today"))
ORDINARY = tuple(label for label in NINE if label not in ("alpha 1/2", "alpha 1"))


def lost(problem: Trained, label: str, way: str) -> float:
    """Points below the best, which other seeds choose."""
    chosen = problem.chosen(label, problem.at(**WAYS[way]))
    return problem.best(problem.at()) - float(chosen.mean())


def lost_in_sample(problem: Trained, label: str) -> float:
    chosen = problem.chosen(label, problem.at(**WAYS["tuned"]))
    return problem.best_in_sample() - float(chosen.mean())


def tuned(problem: Trained) -> np.ndarray:
    """Ordinary surrogates, tuned: (surrogates, seeds)."""
    settings = problem.at(**WAYS["tuned"])
    return np.array([problem.chosen(label, settings) for label in ORDINARY])


def p_value(scores: np.ndarray) -> float:
    """Of a repeated-measures F test: do the means of the rows differ?"""
    count, seeds = scores.shape
    rest = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    freedom = count - 1, (count - 1) * (seeds - 1)
    between = seeds * scores.mean(axis=1).var() * count / freedom[0]
    return float(stats.f.sf(between / ((rest**2).sum() / freedom[1]), *freedom))


def second_height(problem: Trained) -> float:
    """Points that two heights at two learning rates gain over one height at three."""
    two = problem.at(RATES[:2], (LOW, LOWER))
    chosen = np.array([problem.chosen(label, two) for label in ORDINARY])
    return float((chosen - tuned(problem)).mean())


def gain_of_slower(problem: Trained) -> float:
    """Points that a learning rate of 0.01 gains over 0.03, with alpha 8 lowered."""
    return lost(problem, "alpha 8", "lowered") - lost(problem, "alpha 8", "lowered, 0.01")


def half(held_out: bool) -> list[Trained]:
    return [p for p in trained("matter") if p.plan.problem.held_out is held_out]


def mean(measure: Callable[..., float], *given: str, held_out: bool = True) -> Effect:
    return over(measure(problem, *given) for problem in half(held_out))


def apart(problem: Trained) -> list:
    """The range of ordinary surrogates, tuned, beside the spread between seeds."""
    scores = tuned(problem)
    means = scores.mean(axis=1)
    first, last = (f"{ORDINARY[row]}, {means[row]:.1f}" for row in (means.argmax(), means.argmin()))
    spread, p = float(scores.std(axis=1, ddof=1).mean()), f"{p_value(scores):.2f}"
    return [problem.plan.problem.name, float(np.ptp(means)), spread, p, first, last]


def gains() -> dict[str, str]:
    """Whole points to gain, by what somebody trains with today, and by kind of network."""
    by_name = {problem.plan.problem.name: problem for problem in trained("matter")}
    problems = [by_name[name] for name in KINDS.values()]
    points = lambda label, way, p: max(0, round(lost(p, label, way)))
    spans = {
        (label, way): [points(label, way, p) for p in problems if p.plan.problem.held_out]
        for label in TODAY
        for way in NAMED
    }
    by_surrogate = [
        [text, *(f"{min(spans[label, way])} to {max(spans[label, way])}" for way in NAMED)]
        for label, text in TODAY.items()
    ]
    given, rate, _ = NAMED
    by_kind = [
        [kind, *(f"{points(label, given, p)} → {points(label, rate, p)}" for label in TODAY)]
        for kind, p in zip(KINDS, problems)
    ]
    head = ["trained with", "at 0.03", "tuned", "lowered, tuned"]
    return {
        "gains": table(head, by_surrogate),
        "gains_by_kind": table(["network", *TODAY], by_kind),
    }


def paid() -> dict[str, str]:
    """Points that the choice of a surrogate was worth, where it was worth any."""
    by_name = {problem.plan.problem.name: problem for problem in trained("matter")}
    named = ("IntervalDiscrimination, 400 steps", "waveforms, eight layers", "MNIST-1D, recurrent")
    long, deep, small = map(by_name.__getitem__, named)
    losses = lambda problem, labels, way: [lost(problem, label, way) for label in labels]
    fat_tailed, fat = ("alpha 2", "S2NN"), ("alpha 1/2", "alpha 1", "alpha 2")
    thin = [label for label in ORDINARY if label not in fat_tailed]
    ordinary = np.mean(losses(long, ("ReluGrad", "Sigmoid"), "tuned"))
    by_tail = {
        tail: sorted(lost(problem, tail, "tuned") for problem in half(True))[-count:]
        for tail, count in (("alpha 1/2", 3), ("alpha 1", 2))
    }
    spans = {
        "deep_fat": losses(deep, fat, "as it comes"),
        "deep_thin": losses(deep, thin, "as it comes"),
        "fattest": by_tail["alpha 1/2"],
        "fatter": by_tail["alpha 1"],
    }
    return {
        "long_fat": f"{ordinary - np.mean(losses(long, fat_tailed, 'tuned')):.0f}",
        "long_spread": f"{tuned(long).std(axis=1, ddof=1).mean():.0f}",
        "long_p": f"{p_value(tuned(long)):.2f}",
        "deep_s2nn": f"{lost(deep, 'S2NN', 'as it comes'):.0f}",
        "small_s2nn": f"{lost(small, 'S2NN', 'tuned'):.0f}",
        "small_p": f"{p_value(tuned(small)):.2f}",
        **{name: f"{min(of):.0f} to {max(of):.0f}" for name, of in spans.items()},
    }


def tables() -> dict[str, str]:
    """Tables and figures of the page, by name."""
    held, problems = half(True), trained("matter")
    losses = {way: {label: mean(lost, label, way) for label in NINE} for way in WAYS}
    upper = {label: mean(lost_in_sample, label) for label in NINE}
    columns = {**losses, "tuned, upper bound": upper}
    texts = {
        "starts": table(
            ["surrogate", *columns],
            [[label, *(of[label] for of in columns.values())] for label in NINE],
        ),
        "lost": table(
            ["problem", *NINE],
            [[p.plan.problem.name, *(lost(p, label, "tuned") for label in NINE)] for p in held],
        ),
        "by_problem": table(
            ["problem", "range", "spread of seeds", "p", "highest", "lowest"], map(apart, held)
        ),
        "trainings": trainings_of(problems),
        "minutes": f"{sum(problem.minutes for problem in problems):.0f}",
        "problems": str(len(held)),
        "told_apart": str(sum(p_value(tuned(problem)) < 0.05 for problem in held)),
        "slower": str(mean(gain_of_slower)),
        "second_height": str(mean(second_height)),
        "second_height_development": str(mean(second_height, held_out=False)),
    }
    for way, name in NAMED.items():
        means = [losses[way][label].mean for label in ORDINARY]
        texts |= {f"{name}_low": tenths(min(means)), f"{name}_high": tenths(max(means))}
        texts |= {
            f"{short}_{name}": str(losses[way][label]) for label, short in ASKED["quoted"].items()
        }
    for problem in held:
        name = problem.plan.problem.name.partition(" ")[0].partition(",")[0].lower()
        texts[f"start_{name}"] = tenths(lost(problem, "alpha 8", "lowered"))
        texts[f"slower_{name}"] = tenths(lost(problem, "alpha 8", "lowered, 0.01"))
        texts[f"second_height_{name}"] = tenths(second_height(problem))
        texts[f"firing_{name}"] = tenths(100 * problem.firing_rate)
    return {f"matter_{name}": text for name, text in (texts | gains() | paid()).items()}
