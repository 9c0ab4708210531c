"""How often equals are told apart and a lower candidate is found, and how looks and collapses end.

Scores are drawn from distributions, or from real trainings of one surrogate with many seeds, dealt
at random to labels. ``python -m benchmarks.study.equal`` counts again; ``--train`` trains the 400
seeds first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from braintools_qps import compare
from braintools_qps._statistics import (
    FREEDOM,
    Look,
    Standing,
    looks_at,
    next_look,
    seeds_needed,
    standing,
)

from ..problems import PROBLEMS
from . import trainings
from .trained import table, tenths

LABELS = (2, 3, 5, 9, 10)
SEEDS = (3, 5, 8, 10)
DRAWS = 1000
GUESS, GAINS = 0.1, (0.02, 0.0889)  # of a label that collapses: its score then, and else
LOWER, SPREAD = 0.05, 0.02  # how far below the others one candidate is, and how much seeds vary
FIRST, MOST, MARGIN = 5, 40, 0.01  # of a comparison that grows
LONGEST = 160  # seeds that are proposed
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
        yield standing(draw(rng, labels, seeds), looks_at([seeds]), margin=None)


def error_rate(draw: Draw, labels: int, seeds: int, draws: int = DRAWS) -> float:
    """Percent of comparisons of equals that mark a label as lower."""
    return _percent(any(found.lower) for found in one_look(draw, labels, seeds, draws))


def power(draw: Draw, labels: int, seeds: int, draws: int = DRAWS) -> float:
    """Percent of comparisons of equals that find the one label whose scores are lowered."""
    lower = np.eye(labels)[0][:, None] * LOWER
    lowered = lambda rng, labels, seeds: draw(rng, labels, seeds) - lower
    return _percent(found.lower[0] for found in one_look(lowered, labels, seeds, draws))


def grown(
    scores: np.ndarray, most: int = MOST, looks: Sequence[Look] = ()
) -> tuple[Standing, int, Sequence[Look]]:
    """Let a comparison grow as `compare` does; return its end, how many runs it took, its looks."""
    seeds, now = [FIRST] * len(scores), FIRST
    while True:
        looks = looks_at([*(look.seeds for look in looks), now])
        kept = [row[:count] for row, count in zip(scores, seeds)]
        found = standing(kept, looks, margin=MARGIN)
        if found.settled or now >= most:
            return found, sum(seeds), looks
        known = (look.seeds for look in looks if now < look.seeds <= most)
        now = min(known, default=next_look(now, most))
        for row in found.open:
            seeds[row] = now


def by_hand(scores: np.ndarray) -> tuple[Standing, list[bool]]:
    """Begin with a table, then type the commands that it proposes: the end, and which settled."""
    (found, _, looks), settled = grown(scores, FIRST), []
    while not found.settled and (seeds := looks[-1].seeds) < MOST:
        still = scores[list(found.open), :seeds]
        if (most := seeds_needed(still, looks, margin=MARGIN)) is None:
            break
        found, _, looks = grown(scores, most, looks)
        settled.append(found.settled)
    return found, settled


def proposed(spread: float, labels: int, apart: float, draws: int) -> dict[str, float]:
    """What proposed numbers of seeds are worth; ``apart`` is the spread of the true means."""
    rng, ends = np.random.default_rng(labels), []
    for _ in range(draws):
        means = rng.normal(0.9, apart, (labels, 1)) if apart else np.full((labels, 1), 0.9)
        ends.append(by_hand(rng.normal(means, spread, (labels, LONGEST))))
    commands = [settled for _, settled in ends if settled]
    return {
        "proposed": _percent([bool(settled) for _, settled in ends]),
        "settled": _percent([settled[0] for settled in commands]),
        "commands": round(float(np.mean([len(settled) for settled in commands])), 2),
        "lower": _percent([any(found.lower) for found, _ in ends]),
    }


def one_by_one(draw: Draw, labels: int, draws: int = DRAWS) -> float:
    """Percent of comparisons of equals that ever mark a label as lower, one more seed a look."""
    rng, looks = np.random.default_rng(labels), looks_at(range(FIRST, MOST + 1))
    ends = (standing(draw(rng, labels, MOST), looks, margin=None) for _ in range(draws))
    return _percent([any(found.lower) for found in ends])


def collapsing(gain: float, seeds: int, draws: int = DRAWS) -> dict[str, float]:
    """A label that is better but for one run in ten, which guesses: how often it is called best.

    With a gain of 0.0889 both means are equal, so that every claim is false.
    """
    rng, claims = np.random.default_rng(seeds), []
    for _ in range(draws):
        fine = 0.9 + np.array([[0.0], [gain]]) + SPREAD * rng.normal(size=(2, seeds))
        scores = np.where([[False], [True]] & (rng.random((2, seeds)) < 0.1), GUESS, fine)
        claims.append(standing(scores, looks_at([seeds]), margin=None).lower)
    best, worse = np.mean(claims, axis=0)
    return {"best": round(100 * best, 1), "lower": round(100 * worse, 1)}


def growing(draw: Draw, labels: int, draws: int = DRAWS) -> dict[str, float]:
    """How comparisons that grow end: percent with a lower label, percent settled, mean runs."""
    rng = np.random.default_rng(labels)
    ends = [grown(draw(rng, labels, MOST)) for _ in range(draws)]
    return {
        "lower": _percent(any(found.lower) for found, *_ in ends),
        "settled": _percent(found.settled for found, *_ in ends),
        "equal": _percent(found.settled and sum(found.lower) < labels - 1 for found, *_ in ends),
        "runs": round(float(np.mean([runs for _, runs, _ in ends]))),
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
    hand = [
        [name, *(of[number] for number in ("proposed", "settled", "commands", "lower"))]
        for name, of in kept["proposed"].items()
    ]
    fell = [
        [f"{gain} points", seeds, f"{100 * 0.9 ** int(seeds):.0f}", end["best"], end["lower"]]
        for gain, ends in kept["collapse"].items()
        for seeds, end in ends.items()
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
        "proposed": table(
            [
                "seeds vary by",
                "number proposed, %",
                "first command settles, %",
                "commands",
                "lower, %",
            ],
            hand,
        ),
        "one_by_one": table(
            ["scores", "2 labels", "3 labels"],
            [[name, *rates] for name, rates in kept["one by one"].items()],
        ),
        "one_by_one_most": tenths(max(max(rates) for rates in kept["one by one"].values())),
        "collapse": table(
            ["better otherwise by", "seeds", "no collapse, %", "called best, %", "called lower, %"],
            fell,
        ),
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
        trainings.keep("equals", "one by one", name, [one_by_one(draw, k) for k in (2, 3)])
    for name, draw in ({NORMAL: SIMULATED[NORMAL]} | trained()).items():
        powers = {str(n): [power(draw, k, n) for k in LABELS] for n in SEEDS}
        trainings.keep("equals", "power", name, powers)
    for spread in SPREADS:
        ends = growing(_spread(lambda k, size=spread: np.full(k, size)), 3)
        false = {str(k): at_margin(spread, k) for k in (2, 3)}
        found = ends | {"false equal": false}
        trainings.keep("equals", "margin", f"{100 * spread:g}", found)
        for kind, apart in {"equal": 0.0, "apart": MARGIN}.items():
            for labels in (2, 3):
                name = f"{100 * spread:g} points, {labels} {kind}"
                found = proposed(spread, labels, apart, DRAWS // 10)
                trainings.keep("equals", "proposed", name, found)
    for gain in GAINS:
        found = {str(seeds): collapsing(gain, seeds) for seeds in (5, 10, 20, 40)}
        trainings.keep("equals", "collapse", f"{100 * gain:.2g}", found)


if __name__ == "__main__":
    main()
