"""The order of all cells, those among them that depend on others' results."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from . import picks, regret
from .data import Problem
from .design import (
    ADAPTIVE,
    CANDIDATES,
    CUE,
    DEEP,
    EASY,
    FEWER_RATES,
    FORWARD,
    HARD,
    JOINT,
    LAYER,
    LOWER,
    MNIST,
    OTHERS,
    PIXELS,
    REPORTED,
    ROWS,
    SCALES,
    SPREAD,
    TUNING_SEEDS,
    Cell,
    by_rule,
    flow,
    grids,
    proposal,
    report,
    shorts,
)  # fmt: skip
from .store import Store

RULES, RULED = ("mean_slope", "second_moment", "depth"), ("alpha 0.5", "alpha 2", "alpha inf")
FREEDOMS = ("both", "nothing", "learning rate", "dampening")
PROPOSED = (*((task, LAYER) for task in (ROWS, CUE, HARD, EASY)), (ROWS, DEEP), (CUE, DEEP))
FEWER_SEEDS = REPORTED[:5]
FIXED = {"alpha 16": {"scale": 1.0, "dampening": 0.5, "learning_rate": 0.1}}  # what 0.1 advised


def stages(store: Store) -> Iterator[Cell]:
    """All cells, the most important first; reports as soon as their grid is there."""
    for task in (ROWS, CUE):
        yield from of(grids(), task)
    for task in (ROWS, CUE):
        yield from of(shorts(), task)
        yield from reports(store, task)
    for task in (ROWS, CUE):
        yield from other_network(store, task, DEEP)
    yield from some_tails(store, HARD)
    yield from (c for c in of(grids(), HARD) if dict(c.settings)["dampening"] == LOWER)
    yield from few_reports(store, HARD, LAYER)
    yield from (c for c in of(grids(), HARD) if c.candidate in OTHERS and few_rates(c))
    for name in OTHERS:
        yield from _own(store, HARD, name, FREEDOMS[:1], FEWER_SEEDS)
    yield from other_network(store, ROWS, FORWARD)
    yield from other_network(store, ROWS, ADAPTIVE)
    for task in (ROWS, CUE):
        yield from (flow(task, name) for name in SPREAD)
    for task in (ROWS, CUE):
        yield from filter(few_rates, of(grids(), task, scales=SCALES[1:]))
        for name in SPREAD:
            yield from _own(store, task, name, ("all three",))
    yield from of_rules()
    yield from some_tails(store, PIXELS)
    for task in (ROWS, CUE, HARD):
        yield from searches(store, task)
    for task in (ROWS, CUE):
        yield from of(grids(), task, seed=1)
        yield from two_seeds(store, task)
    yield from some_tails(store, EASY, few_rates)
    for (task, network), name in itertools.product(PROPOSED, RULED):
        yield proposal(task, name, network)
    yield from filter(few_rates, of(grids(), HARD, scales=SCALES[1:]))
    for name in SPREAD:
        yield from _own(store, HARD, name, ("all three",), FEWER_SEEDS)
    yield from grids_best(store, HARD, REPORTED)
    yield from other_network(store, CUE, FORWARD)
    yield from other_network(store, CUE, ADAPTIVE)
    for task in (ROWS, CUE):
        yield from searches(store, task, picks.BY_ACCURACY)
    for task, network in JOINT:
        yield from of(grids(), task, network, seed=1)
        yield from of(shorts(), task, network, seed=1)
    yield from some_tails(store, MNIST)
    for task in (ROWS, CUE, HARD, EASY, PIXELS, MNIST):
        yield from of(grids(), task, scales=SCALES)
        yield from reports(store, task)


def few_rates(cell: Cell) -> bool:
    """Whether it is one of those cells that make do with fewer learning rates."""
    return dict(cell.settings)["learning_rate"] == FEWER_RATES


def other_network(store: Store, task: str, network: str) -> Iterator[Cell]:
    """What is trained of networks other than the one layer."""
    yield from of(grids(), task, network)
    yield from of(shorts(), task, network)
    yield from few_reports(store, task, network)
    yield from searches(store, task, seeds=FEWER_SEEDS, network=network)
    yield from (flow(task, name, network) for name in SPREAD)


def some_tails(
    store: Store, task: str, wanted: Callable[[Cell], bool] | None = None
) -> Iterator[Cell]:
    """A task with fewer candidates and seeds."""
    wanted = wanted or (lambda cell: not few_rates(cell))
    yield from (c for c in of(grids(), task) if c.candidate in SPREAD and wanted(c))
    yield from (c for c in of(shorts(), task) if c.candidate in SPREAD)
    yield from few_reports(store, task, LAYER)
    yield from searches(store, task, seeds=FEWER_SEEDS)
    yield from (flow(task, name) for name in SPREAD)


def of_rules() -> Iterator[Cell]:
    """Training with the dampenings that `normalize_surrogate` chooses."""
    for task, kind, name in itertools.product((ROWS, CUE, HARD), RULES[:2], RULED):
        yield by_rule(kind, task, name, LAYER, REPORTED)
    for task, kind, name in itertools.product((ROWS, CUE), ("depth", "mean_slope"), RULED):
        yield by_rule(kind, task, name, DEEP, FEWER_SEEDS)


def of(
    cells: Iterable[Cell],
    task: str,
    network: str = LAYER,
    scales: Sequence[float] = SCALES[:1],
    seed: int = 0,
) -> Iterator[Cell]:
    """Those of one task, network and tuning seed, at some scales."""
    wanted = task, network, (TUNING_SEEDS[seed],)
    for cell in cells:
        if (cell.task, cell.network, cell.seeds) == wanted and dict(cell.settings)[
            "scale"
        ] in scales:
            yield cell


def reports(store: Store, task: str) -> Iterator[Cell]:
    """Reporting seeds: each candidate at its own, and with fewer things of its own."""
    seeds = REPORTED if task in (ROWS, CUE) else FEWER_SEEDS
    for name in CANDIDATES:
        yield from _own(store, task, name, ("all three", "both"))
    yield from searches(store, task)
    for name, setting in FIXED.items():
        yield report(task, name, setting)
    for name in SPREAD:
        yield from _own(store, task, name, FREEDOMS[1:], seeds)


def two_seeds(store: Store, task: str) -> Iterator[Cell]:
    """Reporting seeds at what two tuning seeds choose."""
    for name in SPREAD:
        chosen = picks.best_of_seeds([picks.table(store, task, name, seed=s) for s in (0, 1)])
        if chosen:
            yield report(task, name, chosen.setting)


def grids_best(
    store: Store, task: str, seeds: tuple[int, ...], network: str = LAYER
) -> Iterator[Cell]:
    """Reporting seeds at the best of the grid, which a search is measured by."""
    for name in SPREAD:
        setting = picks.best_setting(regret.of_grid(store, Problem(task, network), name))
        if setting:
            yield report(task, name, setting, network=network, seeds=seeds)


def searches(
    store: Store,
    task: str,
    search: picks.Search = picks.NOW,
    seeds: tuple[int, ...] = REPORTED,
    network: str = LAYER,
) -> Iterator[Cell]:
    """Reporting seeds at what the search chooses."""
    for name in CANDIDATES:
        setting = picks.searched(picks.ended(store, task, name, network), search)
        if setting:
            yield report(task, name, setting, network=network, seeds=seeds)


def few_reports(store: Store, task: str, network: str) -> Iterator[Cell]:
    """Fewer reporting seeds, for fewer candidates."""
    for name in SPREAD:
        yield from _own(store, task, name, FREEDOMS, FEWER_SEEDS, network)
    for name, setting in FIXED.items():
        yield report(task, name, setting, network=network, seeds=FEWER_SEEDS)


def _own(
    store: Store,
    task: str,
    name: str,
    freedoms: Sequence[str],
    seeds: tuple[int, ...] = REPORTED,
    network: str = LAYER,
) -> Iterator[Cell]:
    rows = picks.table(store, task, name, network)
    for freedom in freedoms:
        chosen = picks.best(rows, picks.FREEDOMS[freedom])
        if chosen:
            yield report(task, name, chosen.setting, network=network, seeds=seeds)


def missing(store: Store, only: str = "") -> Iterator[Cell]:
    """Cells that are not in the store yet."""
    return (cell for cell in stages(store) if only in cell.key and store.get(cell) is None)
