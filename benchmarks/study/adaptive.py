"""Do shapes that adapt gain anything over fixed ones? A question of the protocol's fourth part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .matter import p_value
from .trained import Trained, over, table, tenths, trained, trainings_of
from .trainings import BOOK, RATES, kept

ASKED = BOOK["adaptive"]
FORMS, FIXED, SETTINGS = (ASKED[name] for name in ("forms", "fixed", "settings"))


def accuracies(problem: Trained) -> dict[str, np.ndarray]:
    """Of each candidate, tuned, by seed; fixed ones may have been trained in the third part."""
    known = {other.plan.problem.name: other for other in trained("matter")}
    before = known.get(problem.plan.problem.name, problem)
    return {
        label: of.chosen(label, of.at(**SETTINGS))
        for of, label in [(problem, form) for form in FORMS] + [(before, label) for label in FIXED]
    }


def gain(problem: Trained, form: str, fixed: str) -> float:
    """Points that a form gains over a fixed surrogate, both tuned."""
    found = accuracies(problem)
    return float(found[form].mean() - found[fixed].mean())


def latencies(problem: Trained) -> Iterator[list]:
    """For each candidate: the share of the accuracy at a quarter of the steps, and its firing."""
    measured = kept("adaptive")["problems"][problem.plan.problem.name]["latency"]
    for label, accuracy in accuracies(problem).items():
        chosen = [(seed, measured[label][h]) for seed, h in enumerate(heights(problem, label))]
        early, firing = (
            np.array([of[name][seed] for seed, of in chosen]) for name in ("quarter", "firing")
        )
        yield [label, float(accuracy.mean()), _spread(10 * early / accuracy), _spread(firing / 10)]


def heights(problem: Trained, label: str) -> list[str]:
    """The height whose best rate each seed's validation prefers; of equals the lowered one."""
    tried = SETTINGS["heights"]
    best = [problem.validation[label][problem.at(RATES, [h])].max(axis=0) for h in tried]
    return [tried[place] for place in np.argmax(best, axis=0)]


def tables() -> dict[str, str]:
    """Tables and figures of the page, by name."""
    problems = trained("adaptive")
    effect = lambda form, fixed: over(gain(problem, form, fixed) for problem in problems)
    gains = {(form, fixed): effect(form, fixed) for form in FORMS for fixed in FIXED}
    rows = [
        [p.plan.problem.name, *(float(scores.mean()) for scores in accuracies(p).values()),
         _p(np.array([*accuracies(p).values()]))]
        for p in problems
    ]  # fmt: skip
    late = [p for p in problems if p.plan.problem.name in ASKED["latency"]]
    texts = {
        "gains": table(
            ["form", *(f"over {fixed}" for fixed in FIXED)],
            [[form, *(gains[form, fixed] for fixed in FIXED)] for form in FORMS],
        ),
        "by_problem": table(["problem", *FORMS, *FIXED, "p"], rows),
        "problems": str(len(problems)),
        "trainings": trainings_of(problems),
        "eight_over_relu": str(over(gain(problem, "alpha 8", "ReluGrad") for problem in problems)),
        **{
            f"eight_over_relu_{problem.plan.problem.name.split()[0].strip(',').lower()}": tenths(
                gain(problem, "alpha 8", "ReluGrad")
            )
            for problem in problems
        },
        "minutes": tenths(sum(problem.minutes for problem in problems)),
        "latency": table(
            ["candidate", "accuracy", "share after a quarter, %", "firing, %"],
            [row for problem in late for row in latencies(problem)],
        ),
    }
    return {f"adaptive_{name}": text for name, text in texts.items()}


def _p(scores: np.ndarray) -> str:
    """The p of an F test; none where all seeds of all candidates are at the ceiling."""
    if not np.ptp(scores):
        return ""
    return "<0.005" if (p := p_value(scores)) < 0.005 else f"{p:.2f}"


def _spread(values: np.ndarray) -> str:
    return f"{tenths(values.mean())} ± {tenths(values.std(ddof=1))}"
