"""How often equals are told apart, how often a lower candidate is found, and how growing ends.

Scores are drawn from distributions, or from real trainings of one surrogate with many seeds, dealt
at random to labels. ``python -m benchmarks.study.equal`` counts again; ``--train`` trains the 400
seeds first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from braintools_qps import compare
from braintools_qps._statistics import FREEDOM, Standing, standing

from ..problems import PROBLEMS
from . import trainings
from .trained import table, tenths

LABELS = (2, 3, 5, 9, 10)
SEEDS = (3, 5, 8, 10)
DRAWS = 1000
LOWER, SPREAD = 0.05, 0.02  # how far below the others one candidate is, and how much seeds vary
FIRST, MOST, MARGIN = 5, 50, 0.01  # of a comparison that grows
SPREADS = (0.007, 0.01, 0.015, 0.025)
NORMAL, DEFAULT = "normal", "real trainings, 400 seeds"
REAL = ("digits-rows, recurrent", "GunPoint, recurrent with synapses")

Draw = Callable[[np.random.Generator, int, int], np.ndarray]  # scores of shape (labels, seeds)


def _often(collapsed: float, usual: Draw) -> Draw:
    """Scores of which a part falls to 30%."""
    return lambda rng, labels, seeds: np.where(
        rng.random((labels, seeds)) < collapsed, 0.3, usual(rng, labels, seeds)
    )


def _spread(sizes: Callable[[int], np.ndarray]) -> Draw:
    """Normal scores, each label with a spread of its own."""
    return lambda rng, k, seeds: 0.9 + sizes(k)[:, None] * rng.normal(size=(k, seeds))


SIMULATED: dict[str, Draw] = {
    NORMAL: lambda rng, k, n: 0.9 + SPREAD * (rng.normal(size=n) + rng.normal(size=(k, n))),
    "spreads up to five times apart": _spread(lambda k: 0.01 * 5 ** np.linspace(0, 1, k)),
    "one candidate five times noisier": _spread(lambda k: np.where(np.arange(k) == 0, 0.05, 0.01)),
    "heavy tails (t, 3 degrees of freedom)": lambda rng, k, n: (
        0.9 + SPREAD * rng.standard_t(3, size=(k, n))
    ),
    "a tenth of the runs collapse": _often(0.1, _spread(lambda k: np.full(k, SPREAD))),
    "skewed, 2% of the runs collapse": _often(
        0.02, lambda rng, k, n: 1 - 0.03 * rng.exponential(size=(k, n))
    ),
    "359 samples at 99.8%": lambda rng, k, n: rng.binomial(359, 0.998, size=(k, n)) / 359,
    "100 samples at 95%": lambda rng, k, n: rng.binomial(100, 0.95, size=(k, n)) / 100,
}


def dealt(scores: Sequence[float]) -> Draw:
    """Deal real scores of one surrogate to labels, with replacement: all labels are equal."""
    return lambda rng, labels, seeds: rng.choice(np.asarray(scores), (labels, seeds))


def one_look(draw: Draw, labels: int, seeds: int, draws: int = DRAWS) -> Iterator[Standing]:
    """Comparisons that look once."""
    rng = np.random.default_rng(labels)
    for _ in range(draws):
        yield standing(draw(rng, labels, seeds), margin=None, first=seeds, most=seeds)


def error_rate(draw: Draw, labels: int, seeds: int, draws: int = DRAWS) -> float:
    """Percent of comparisons of equals that mark a label as lower."""
    return _percent(any(found.lower) for found in one_look(draw, labels, seeds, draws))


def power(draw: Draw, labels: int, seeds: int, draws: int = DRAWS) -> float:
    """Percent of comparisons of equals that find the one label whose scores are lowered."""
    lower = np.eye(labels)[0][:, None] * LOWER
    lowered = lambda rng, labels, seeds: draw(rng, labels, seeds) - lower
    return _percent(found.lower[0] for found in one_look(lowered, labels, seeds, draws))


def grown(scores: np.ndarray) -> tuple[Standing, int]:
    """Let a comparison grow as `compare` does; return its end and how many runs it took."""
    seeds = [FIRST] * len(scores)
    while True:
        kept = [row[:count] for row, count in zip(scores, seeds)]
        found = standing(kept, margin=MARGIN, first=FIRST, most=MOST)
        if not any(seeds[row] < found.next for row in found.open):
            return found, sum(seeds)
        for row in found.open:
            seeds[row] = found.next


def growing(draw: Draw, labels: int, draws: int = DRAWS) -> dict[str, float]:
    """How comparisons that grow end: percent with a lower label, percent settled, mean runs."""
    rng = np.random.default_rng(labels)
    ends = [grown(draw(rng, labels, MOST)) for _ in range(draws)]
    return {
        "lower": _percent(any(found.lower) for found, _ in ends),
        "settled": _percent(found.settled for found, _ in ends),
        "equal": _percent(found.settled and sum(found.lower) < labels - 1 for found, _ in ends),
        "runs": round(float(np.mean([runs for _, runs in ends]))),
    }


def at_margin(spread: float, labels: int, draws: int = DRAWS) -> float:
    """Percent of comparisons that call equal what differs by exactly the margin."""
    means = 0.9 - MARGIN * (np.arange(labels) > 0)[:, None]
    draw = lambda rng, labels, seeds: rng.normal(means, spread, (labels, seeds))
    return growing(draw, labels, draws)["equal"]


def _percent(events: Iterator[bool] | Sequence[bool]) -> float:
    return round(100 * float(np.mean(list(events))), 1)


def trained() -> dict[str, Draw]:
    """Real trainings of one surrogate; the seeds of a problem each chose a learning rate."""
    return {
        name: dealt(np.array(scores) / 1000)
        for name, scores in trainings.kept("equals")["scores"].items()
    }


def train() -> None:
    """Train the default network, made small, with 400 seeds, and alpha 2 on two problems."""
    tune = {"mean_slope": (0.1,), "hidden": (32,)}
    comparison = compare(["Sigmoid"], tune=tune, seeds=400, epochs=20, learning_rate=0.03)
    runs = {DEFAULT: comparison}
    for problem in PROBLEMS:
        if problem.name in REAL:
            runs[problem.name] = compare(
                ["QPseudoSpike(alpha=2)"],
                task=trainings.task_of(problem),
                model=problem.model,
                seeds=50,
                epochs=problem.epochs,
            )
    for name, comparison in runs.items():
        scores = np.nan_to_num(comparison.best.scores.test)
        trainings.keep("equals", "scores", name, np.rint(1000 * scores).astype(int).tolist())


def tables() -> dict[str, str]:
    """False claims among equals, power, and how comparisons that grow end, by name."""
    kept = trainings.kept("equals")
    labels = [f"{count} labels" for count in LABELS]
    five = {name: errors["5"] for name, errors in kept["error"].items()}
    lower = {name: [end["lower"] for end in of.values()] for name, of in kept["growing"].items()}
    false = {spread: [*end["false equal"].values()] for spread, end in kept["margin"].items()}
    ends = [
        [f"{spread} points", f"{end['settled']}%", end["runs"], *false[spread]]
        for spread, end in kept["margin"].items()
    ]
    spread = {n: np.std(scores, ddof=1) / 10 for n, scores in kept["scores"].items()}
    spread[NORMAL] = 100 * SPREAD
    power = [
        [name, f"{spread[name]:.1f}", seeds, *found]
        for name, of in kept["power"].items()
        for seeds, found in of.items()
        if seeds == "5" or (seeds != "3" and name == NORMAL)
    ]
    head = ["seeds vary by", "settled", "mean runs", "false equal, 2 labels", "3 labels"]
    every = [
        rate for errors in kept["error"].values() for rates in errors.values() for rate in rates
    ]
    return {
        "errors": table(["scores", *labels], [[name, *rates] for name, rates in five.items()]),
        "errors_most": tenths(max(max(five[name]) for name in trained())),
        "errors_most_anywhere": tenths(max(every)),
        "power": table(["scores", "vary by", "seeds", *labels], power),
        "growing": table(
            ["scores", "2 labels", "3 labels", "10 labels"],
            [[name, *rates] for name, rates in lower.items()],
        ),
        "growing_ends": table(head, ends),
        "growing_most": tenths(max(max(rates) for rates in (lower | false).values())),
        "freedom": f"{FREEDOM:g}",
        "equal_seeds": str(len(kept["scores"][DEFAULT])),
    }


def main() -> None:
    """Count, and keep the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="train the 400 seeds first")
    if parser.parse_args().train:
        train()
    for name, draw in (SIMULATED | trained()).items():
        print(name, flush=True)
        errors = {str(n): [error_rate(draw, k, n) for k in LABELS] for n in SEEDS}
        trainings.keep("equals", "error", name, errors)
        ends = {str(k): growing(draw, k) for k in (2, 3, 10)}
        trainings.keep("equals", "growing", name, ends)
    for name, draw in ({NORMAL: SIMULATED[NORMAL]} | trained()).items():
        powers = {str(n): [power(draw, k, n) for k in LABELS] for n in SEEDS}
        trainings.keep("equals", "power", name, powers)
    for spread in SPREADS:
        ends = growing(_spread(lambda k, size=spread: np.full(k, size)), 3)
        false = {str(k): at_margin(spread, k) for k in (2, 3)}
        found = ends | {"false equal": false}
        trainings.keep("equals", "margin", f"{100 * spread:g}", found)


if __name__ == "__main__":
    main()
