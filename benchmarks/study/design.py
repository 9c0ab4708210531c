"""What is trained, and in which order: the plan of the study as a list of cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, Scaled, get_surrogate

ALPHAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, math.inf)
OTHERS = ("Sigmoid", "S2NN", "ReluGrad", "Arctan", "GaussianGrad")
CANDIDATES: Mapping[str, Surrogate] = {
    **{f"alpha {alpha:g}": QPseudoSpike(alpha, scale=1.0) for alpha in ALPHAS},
    **{name: Scaled(get_surrogate(name), scale=1.0) for name in OTHERS},
}
SPREAD = (
    "alpha 0.5",
    "alpha 1",
    "alpha 2",
    "alpha 4",
    "alpha 16",
    "alpha inf",
)  # where time is short

DAMPENINGS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
SCALES = (1.0, 0.5, 2.0)  # the middle one first
EPOCHS, SHORT = 20, 2

TUNING_SEEDS = (1_000_003, 1_000_004)  # the first two of `compare`
REPORTED = tuple(range(10))

ROWS, CUE, EASY, HARD, PIXELS, MNIST = (
    "digits-rows", "cue-recall", "randman easy", "randman hard", "digits-pixels", "mnist-rows",
)  # fmt: skip
TASKS = (ROWS, CUE, EASY, HARD, PIXELS, MNIST)
LAYER, DEEP, FORWARD, ADAPTIVE = (
    "one recurrent layer",
    "three recurrent layers",
    "three feed-forward layers",
    "ALIF",
)
NETWORKS = (LAYER, DEEP, FORWARD, ADAPTIVE)
TWO_KINDS = "LIF to ALIF"  # of the advice alone


class Cell(NamedTuple):
    """One part of the plan that is trained as a whole.

    ``settings`` are the grid that a cell of the kind "grid" or "short" covers, by name; for
    "report" they are the one setting whose seeds are reported.
    """

    kind: str  # grid, short, report or flow
    task: str
    network: str
    candidate: str
    settings: tuple[tuple[str, Any], ...]
    epochs: int = EPOCHS
    seeds: tuple[int, ...] = TUNING_SEEDS[:1]

    @property
    def key(self) -> str:
        """Its name in the JSON."""
        return _key(self)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Every combination of its settings, the last name changing fastest."""
        names = [name for name, _ in self.settings]
        values = [v if isinstance(v, tuple) else (v,) for _, v in self.settings]
        return [dict(zip(names, combination)) for combination in itertools.product(*values)]


@cache
def _key(cell: Cell) -> str:
    values = " ".join(f"{name}={_text(value)}" for name, value in cell.settings)
    seeds = f"seed {cell.seeds[0]}" if len(cell.seeds) == 1 else f"{len(cell.seeds)} seeds"
    parts = cell.kind, cell.task, cell.network, cell.candidate, values, f"{cell.epochs} epochs"
    return " / ".join((*parts, seeds))


def _text(value: Any) -> str:
    return ",".join(map(_text, value)) if isinstance(value, tuple) else f"{value:g}"


def grid(
    task: str,
    candidate: str,
    *,
    network: str = LAYER,
    scale: float = 1.0,
    seed: int = 0,
    epochs: int = EPOCHS,
    dampenings: tuple[float, ...] = DAMPENINGS,
    rates: tuple[float, ...] = RATES,
) -> Cell:
    """A cell of the grid: all dampenings at all learning rates, of one scale."""
    settings = (("scale", scale), ("dampening", dampenings), ("learning_rate", rates))
    kind = "grid" if epochs == EPOCHS else "short"
    return Cell(kind, task, network, candidate, settings, epochs, (TUNING_SEEDS[seed],))


def report(
    task: str,
    candidate: str,
    setting: Mapping[str, float],
    *,
    network: str = LAYER,
    seeds: tuple[int, ...] = REPORTED,
) -> Cell:
    """The reporting seeds of one setting."""
    names = ("scale", "dampening", "learning_rate")
    settings = tuple((name, float(setting[name])) for name in names)
    return Cell("report", task, network, candidate, settings, EPOCHS, seeds)


def flow(task: str, candidate: str, network: str = LAYER) -> Cell:
    """What is measured before training, at every scale and dampening."""
    settings = (("scale", SCALES if network == LAYER else SCALES[:1]), ("dampening", DAMPENINGS))
    return Cell("flow", task, network, candidate, settings, 0, (1, 2))


def proposal(task: str, candidate: str, network: str = LAYER) -> Cell:
    """What `gradient_flow` proposes for a surrogate as it is."""
    return Cell("proposal", task, network, candidate, (), 0, (1,))


def by_rule(rule: str, task: str, candidate: str, network: str, seeds: tuple[int, ...]) -> Cell:
    """Training with what a rule of `normalize_surrogate` gives, at a learning rate of 0.1."""
    return Cell(rule, task, network, candidate, (("learning_rate", 0.1),), EPOCHS, seeds)


# Of networks other than the one layer, and of tasks that take long, a part of the grid.
LOWER = (1 / 64, 1 / 32)
FEWER_RATES, FEWER_DAMPENINGS = (0.03, 0.1, 0.3), DAMPENINGS[:-1]


# Where the tail is searched along with the rest, the search is replayed with two tuning seeds.
JOINT = (
    (ROWS, LAYER),
    (CUE, LAYER),
    (HARD, LAYER),
    (EASY, LAYER),
    (ROWS, FORWARD),
    (PIXELS, LAYER),
)


def grids() -> Iterator[Cell]:
    """The trainings that choose: all of the plan, whether or not there was time for it."""
    for task, scale, candidate in itertools.product(TASKS[:4], SCALES, CANDIDATES):
        yield grid(task, candidate, scale=scale)
    for task, candidate in itertools.product(TASKS[4:], CANDIDATES):
        yield grid(task, candidate, dampenings=FEWER_DAMPENINGS, rates=RATES[:-1])
    # Fat tails were best at the lowest dampening: lower ones still.
    for task, candidate in itertools.product((ROWS, CUE, HARD), SPREAD[:3]):
        yield grid(task, candidate, dampenings=LOWER, rates=FEWER_RATES)
    # Parts of these once more, for where there is no time for all.
    for candidate in SPREAD:
        yield grid(EASY, candidate, dampenings=FEWER_DAMPENINGS, rates=FEWER_RATES)
        yield grid(EASY, candidate, dampenings=FEWER_DAMPENINGS, rates=RATES[:1])
    for candidate in OTHERS:
        yield grid(HARD, candidate, rates=FEWER_RATES)
    for task, scale, candidate in itertools.product(TASKS[:4], SCALES[1:], SPREAD):
        yield grid(task, candidate, scale=scale, rates=FEWER_RATES)
    for network, task, candidate in itertools.product(NETWORKS[1:], (ROWS, CUE), SPREAD):
        for rates in (FEWER_RATES, RATES[:1]):
            yield grid(task, candidate, network=network, dampenings=FEWER_DAMPENINGS, rates=rates)
    for task, candidate in itertools.product((ROWS, CUE), SPREAD):
        yield grid(task, candidate, seed=1)
    for (task, network), candidate in itertools.product(JOINT[2:], SPREAD):
        yield grid(
            task,
            candidate,
            network=network,
            seed=1,
            dampenings=FEWER_DAMPENINGS,
            rates=RATES[:-1],
        )


def shorts() -> Iterator[Cell]:
    """Short trainings, with a schedule of their own length, to replay searches with."""
    for task, network, names in (
        (ROWS, LAYER, CANDIDATES),
        (CUE, LAYER, CANDIDATES),
        (HARD, LAYER, SPREAD),
        (PIXELS, LAYER, SPREAD),
        (EASY, LAYER, SPREAD),
        (MNIST, LAYER, SPREAD),
        (ROWS, DEEP, SPREAD),
        (CUE, DEEP, SPREAD),
        (ROWS, FORWARD, SPREAD),
        (ROWS, ADAPTIVE, SPREAD),
    ):
        for name in names:
            yield _short(task, name, network)
    for (task, network), name in itertools.product(JOINT, SPREAD):
        yield _short(task, name, network, seed=1)


def _short(task: str, candidate: str, network: str, seed: int = 0) -> Cell:
    return grid(
        task,
        candidate,
        network=network,
        seed=seed,
        epochs=SHORT,
        dampenings=FEWER_DAMPENINGS,
        rates=RATES[:-1],
    )
