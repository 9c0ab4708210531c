"""A grid of tails: 16 alphas by 4 seeds in one program, against 64 separate runs.

The digits, row by row, with the defaults of ``compare``. A separate run is what a loop over
``compare`` does: trace, compile, train and test, for one alpha and one seed. "After compilation"
leaves out everything up to the end of the first epoch, and so compares training alone.

Run it with ``python -m benchmarks.alpha_grid``; ``--quick`` takes a corner of the grid. Separate
runs come before and after the grid, half of them each, so that a drift of the machine cancels.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from braintools_qps import QPseudoSpike
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import load_task

from . import report
from .training import bench_of, trained

ALPHAS = np.geomspace(0.25, 16, 16).round(3).tolist()
SEEDS = (0, 1, 2, 3)
TASK = load_task("digits-rows")


class Seconds(NamedTuple):
    all_in_all: float
    after_compilation: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alpha_grid", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 alphas by 2 seeds, 3 epochs")
    quick = parser.parse_args().quick
    facts = report.environment()
    if quick:
        separate, grid = measure(ALPHAS[::8], SEEDS[:2], Settings(epochs=3))
    else:
        separate, grid = measure(ALPHAS, SEEDS, Settings())
    page = report.markdown(__doc__, facts, []) + "\n" + table(separate, grid)
    print(page)
    if not quick:
        folder = report.folder(facts)
        folder.mkdir(parents=True, exist_ok=True)
        record = {"environment": facts, "separate": separate._asdict(), "grid": grid._asdict()}
        (folder / "alpha_grid.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "alpha_grid.md").write_text(page)


def measure(
    alphas: Sequence[float], seeds: Sequence[int], settings: Settings
) -> tuple[Seconds, Seconds]:
    """Seconds of all separate runs together, and of the grid."""
    pairs = list(product(alphas, seeds))
    half = len(pairs) // 2
    before = [run([alpha], [seed], settings) for alpha, seed in pairs[:half]]
    grid = run(alphas, seeds, settings)
    after = [run([alpha], [seed], settings) for alpha, seed in pairs[half:]]
    return Seconds(*(sum(column) for column in zip(*before, *after))), grid


def run(alphas: Sequence[float], seeds: Sequence[int], settings: Settings) -> Seconds:
    ends: list[float] = []
    start = time.perf_counter()
    surrogates = [QPseudoSpike(alpha) for alpha in alphas]
    done = lambda *_: ends.append(time.perf_counter())
    trained(bench_of(TASK, settings), surrogates, seeds, report=done)
    return Seconds(time.perf_counter() - start, ends[-1] - ends[0])


def table(separate: Seconds, grid: Seconds) -> str:
    lines = ["|  | separate | grid | ratio |", "| --- | --- | --- | --- |"]
    for name, one, other in zip(Seconds._fields, separate, grid):
        title = name.replace("_", " ")
        lines.append(f"| {title} | {one:.1f} s | {other:.1f} s | {other / one:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
