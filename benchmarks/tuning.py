"""What the search of `compare` loses against the full grid, and what it costs.

Every candidate is trained at every setting of the grid, with all of its epochs and with seeds that
the search does not know. The regret of a search is the mean test score at the best setting of the
grid, less that at the setting which the search chose. The best of the grid is chosen by validation,
as the search chooses. ``python -m benchmarks.tuning`` writes the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, get_surrogate
from braintools_qps._comparison.programs import Job, Programs
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import load_task
from braintools_qps._comparison.training import Bench
from braintools_qps._comparison.tuning import (
    DEFAULT_TUNE,
    Setting,
    grid,
    rounds,
    search,
    survivors,
    tuning_seeds,
)  # fmt: skip
from braintools_qps.records.comparison import Trial

from . import report
from .training import bench_of

TASKS = ("digits-rows", "digits-pixels", "cue-recall")
CANDIDATES: tuple[Surrogate, ...] = (
    *(QPseudoSpike(alpha) for alpha in (0.5, 2.0, 8.0)),
    get_surrogate("Sigmoid"),
    get_surrogate("S2NN"),
)
SEEDS, SEARCHES = range(5), 4  # of the grid; and how often each search is repeated


class Regret(NamedTuple):
    """Results of all searches of one task, in points; cost as a share of the grid's epochs."""

    mean: float
    high: float  # 90th percentile
    cost: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a corner of it, written nowhere")
    quick = parser.parse_args().quick
    facts = report.environment()
    if quick:
        found = {TASKS[0]: study(TASKS[0], CANDIDATES[1:2], SEEDS[:1], 1, Settings(epochs=5))}
    else:
        found = {name: study(name, CANDIDATES, SEEDS, SEARCHES, Settings()) for name in TASKS}
    page = report.markdown(__doc__, facts, []) + "\n" + table(found)
    print(page)
    if not quick:
        folder = report.folder(facts)
        folder.mkdir(parents=True, exist_ok=True)
        record = {"environment": facts, "regret": {n: r._asdict() for n, r in found.items()}}
        (folder / "tuning.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "tuning.md").write_text(page)


def study(
    name: str,
    candidates: Sequence[Surrogate],
    seeds: Sequence[int],
    searches: int,
    settings: Settings,
) -> Regret:
    """One task: the whole grid, and so many searches with seeds of their own."""
    print(name, flush=True)
    bench = bench_of(load_task(name), settings)
    points = grid(DEFAULT_TUNE)
    programs = Programs(bench, len(points) * len(seeds))
    lost = []
    for surrogate in candidates:
        validated, tested = whole_grid(programs, bench, surrogate, points, seeds)
        for seed in tuning_seeds(searches, seeds):
            chosen = points.index(searched(programs, bench, surrogate, points, seed))
            lost.append(100 * (tested[np.nanargmax(validated)] - tested[chosen]))
    spent = sum(count * epochs for count, epochs in rounds(len(points), settings.epochs))
    cost = spent / (len(points) * len(seeds) * settings.epochs)
    return Regret(float(np.mean(lost)), float(np.percentile(lost, 90)), cost)


def whole_grid(
    programs: Programs, bench: Bench, surrogate: Surrogate, points: list[Setting], seeds: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Mean validation and test score of each setting."""
    jobs = [Job(surrogate, setting, seed) for setting in points for seed in seeds]
    outcomes = programs.train(jobs, bench.settings.epochs, lambda *_: None, test=True)
    scores = [[one.curves.score[-1], one.tested.score] for one in outcomes if one.tested]
    return tuple(np.reshape(scores, (len(points), len(seeds), 2)).mean(1).T)


def searched(
    programs: Programs, bench: Bench, surrogate: Surrogate, points: list[Setting], seed: int
) -> Setting:
    """The setting that the search chooses."""

    def train(settings: list[Setting], epochs: int) -> list[Trial]:
        jobs = [Job(surrogate, setting, seed) for setting in settings]
        outcomes = programs.train(jobs, epochs, lambda *_: None)
        scores = [float(one.curves.score[-1]) for one in outcomes]
        return [Trial(setting, (score,)) for setting, score in zip(settings, scores)]

    return survivors(search(points, bench.settings.epochs, train)[-1], 1)[0]


def table(found: dict[str, Regret]) -> str:
    lines = ["| task | regret, points | 90th percentile | cost of the grid |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one.mean:.1f} | {one.high:.1f} | {100 * one.cost:.0f}% |"
        for name, one in found.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
