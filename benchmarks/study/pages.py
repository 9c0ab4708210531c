"""What the pages of the study show: every figure and table is made here, from the summary.

Sphinx puts them where a page says ``{{ study.NAME }}`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np

from . import starts, trainings
from .equal import LABELS as COUNTS
from .rules import ROUNDS, RULES, WHOLE, lost
from .starts import CASES, HEIGHTS, LABELS, SHOWN_CASES, UP_TO_01
from .trained import NORMALISED, Effect, Trained, half, over
from .trainings import RATES

DEFAULT = "mean slope 0.1: 0.1, 0.03, 0.01"  # what `compare` does by default
HEIGHT_NAMES = ("1", "1/2", "1/4", "1/8", "mean slope 0.1", "mean slope 0.05")
HALVES = {"development": False, "held out": True}
STARTS = (  # of the choosing guide
    ("alpha 8", NORMALISED),
    ("alpha 2", NORMALISED),
    ("alpha 2", 2),
    ("alpha 2", 1),
    ("alpha ∞", 0),
    ("alpha 8", 0),
    ("alpha 2", 0),
    ("alpha 1/2", NORMALISED),
)


@cache
def study() -> dict[str, str]:
    """Every figure and table by name."""
    record = trainings.kept()
    halves = {name: half(held_out, record) for name, held_out in HALVES.items()}
    every = [one for some in halves.values() for one in some]
    found = {
        "search": search_table(halves),
        "search_by_problem": search_by_problem(every),
        "gain": gain_table(halves),
        "gain_by_problem": gain_by_problem(every),
        "start": start_table(every),
        "start_in_full": start_table(every, product(LABELS, HEIGHTS), tuple(CASES)),
        "slopes": slope_table(halves),
        "picks": picks_table(halves),
        "accuracy": accuracy_table(every),
        "plan": plan_table(every),
        "errors": error_table(record.get("error", {})),
        "deviations": deviation_table(record.get("error", {})),
        "longer": longer_table(every, record.get("longer", {})),
    }
    for name, problems in halves.items():
        if problems:
            found |= _figures("held" if name == "held out" else "dev", problems)
    found |= _error_figures(record.get("error", {}))
    found["cost"] = f"{100 * RULES[DEFAULT].cost:.0f}"
    found["minutes"] = f"{sum(one.minutes for one in every):.0f}"
    found["problems"] = str(len(every))
    found["trainings"] = f"{sum(one.test.size + one.short_losses.size for one in every):,}"
    return found


def _figures(prefix: str, problems: Sequence[Trained]) -> dict[str, str]:
    """Figures that stand in sentences."""
    of_rule = lambda name: over([lost(RULES[name], one) for one in problems])
    of_tail = lambda label: over([starts.gain(one, label) for one in problems])
    effects = {
        "lost": of_rule(DEFAULT),
        "lost_in_rounds": of_rule(ROUNDS),
        "fat_gain": of_tail("alpha 1/2"),
        "two_gain": of_tail("alpha 2"),
        "thin_gain": of_tail("alpha ∞"),
        "lost_unsearched": of_rule("no search: 0.1, dampening 1"),
        "lost_by_one_seed": of_rule("mean slope 0.1: 0.1, 0.03, 0.01, chosen by one seed"),
        "eight": _start(problems, "alpha 8", 0, UP_TO_01),
        "eight_low": _start(problems, "alpha 8", NORMALISED, UP_TO_01),
        "as_it_comes": _start(problems, "alpha 2", 0, UP_TO_01),
        "half": _start(problems, "alpha 2", 1, UP_TO_01),
        "half_at_03": _start(problems, "alpha 2", 1, starts.AT_03),
        "thin_low": _start(problems, "alpha ∞", NORMALISED, UP_TO_01),
        "thin_low_at_03": _start(problems, "alpha ∞", NORMALISED, starts.AT_03),
        "two_low": _start(problems, "alpha 2", NORMALISED, UP_TO_01),
        "two_low_at_03": _start(problems, "alpha 2", NORMALISED, starts.AT_03),
    }
    picked = [starts.picks(one) for one in problems]
    for name in picked[0]:
        known = [one[name] for one in picked if not math.isnan(one[name])]
        effects[f"pick_{re.sub(r'[^a-z0-9]+', '_', name.replace('∞', 'thin'))}"] = over(known)
    short = {f"{prefix}_{name}": _tenths(one.mean) for name, one in effects.items()}
    long = {f"{prefix}_{name}_interval": effect(one) for name, one in effects.items()}
    long[f"{prefix}_order_interval"] = effect(starts.order_below(problems), "{:+.2f}".format)
    return short | long | {f"{prefix}_problems": str(len(problems))}


def _start(problems: Sequence[Trained], label: str, height: int, rates: Sequence[int]) -> Effect:
    row = LABELS.index(label)
    return over([float(starts.losses(one, rates)[row, height]) for one in problems])


def _tenths(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"


def effect(one: Effect, number: Callable[[float], str] = _tenths) -> str:
    """A mean with its interval, as "1.2 (0.3 to 2.1)"."""
    if math.isnan(one.mean):
        return ""
    if math.isnan(one.low):
        return number(one.mean)
    return f"{number(one.mean)} ({number(one.low)} to {number(one.high)})"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, Effect):
        return effect(value)
    return _tenths(value) if isinstance(value, float) else str(value)


def search_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    rows = []
    for name, rule in RULES.items():
        each = [over([lost(rule, one) for one in some]) if some else "" for some in halves.values()]
        rows.append([name, f"{100 * rule.cost:.0f}%", *each])
    return table(["settings of each candidate", "cost", *halves], rows)


SHOWN = (
    WHOLE,
    "mean slope 0.1: 0.1",
    "mean slope 0.1: 0.1, 0.03, 0.3",
    "mean slope 0.1: 0.1, 0.03, 0.01",
    ROUNDS,
)


def search_by_problem(problems: Sequence[Trained]) -> str:
    rows = [[_name(one), *(lost(RULES[name], one) for name in SHOWN)] for one in problems]
    return table(["problem", *SHOWN], rows)


def _name(problem: Trained) -> str:
    return f"{problem.name}{' (held out)' if problem.held_out else ''}"


def gain_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    """What a lower mean slope gains over a dampening of 1."""
    rows = []
    for label, height in product(LABELS, (NORMALISED, NORMALISED + 1)):
        for name, rates in (("up to 0.1", UP_TO_01), ("0.3", starts.AT_03)):
            gains = [
                [starts.gain(p, label, rates, height) for p in some] for some in halves.values()
            ]
            each = [over(some) if some else "" for some in gains]
            rows.append([label, HEIGHT_NAMES[height], name, *each])
    return table(["surrogate", "height", "learning rates", *halves], rows)


def gain_by_problem(problems: Sequence[Trained]) -> str:
    rows = [[_name(one), *(starts.gain(one, label) for label in LABELS)] for one in problems]
    return table(["problem", *LABELS], rows)


def start_table(
    problems: Sequence[Trained],
    settings: Iterable[tuple[str, int]] = STARTS,
    cases: Sequence[str] = SHOWN_CASES,
) -> str:
    """What a start loses against the best of the same rate, and its mean slope."""
    rows = []
    for label, height in settings:
        slope = np.mean([one.slopes[LABELS.index(label), height] for one in problems])
        lost = [starts.start(problems, label, height, case) for case in cases]
        rows.append([label, HEIGHT_NAMES[height], f"{slope:.2f}", *lost])
    return table(["surrogate", "dampening", "mean slope", *cases], rows)


def slope_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    """Points lost by the mean slope before training."""
    present = {name: some for name, some in halves.items() if some}
    columns = [
        starts.by_slope(some, group)
        for group in starts.GROUPS.values()
        for some in present.values()
    ]
    head = [f"{group}, {name}" for group in starts.GROUPS for name in present]
    limits = [f"{low:.2g} to {high:.2g}" for low, high in pairwise(starts.BINS)]
    limits[-1] = f"above {starts.BINS[-2]:g}"
    rows = [[limit, *(c[row] for c in columns)] for row, limit in enumerate(limits)]
    return table(["mean slope", *head], rows)


def picks_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    found = {name: [starts.picks(one) for one in some] for name, some in halves.items() if some}
    rules = next(iter(found.values()))[0] if found else {}
    mean = lambda some, rule: over([one[rule] for one in some if not math.isnan(one[rule])])
    rows = [[rule, *(mean(some, rule) for some in found.values())] for rule in rules]
    return table(["mean slope of what is picked", *found], rows)


def accuracy_table(problems: Sequence[Trained]) -> str:
    """Percent by candidate: as it is, at a mean slope of 0.1, and the best of the grid."""
    rows = []
    for one in problems:
        rate = RATES.index(0.1)
        for name, scores in (
            ("rate 0.1, dampening 1", one.test[:, rate, 0]),
            ("rate 0.1, mean slope 0.1", one.test[:, rate, NORMALISED]),
            ("best of the grid", one.reference),
        ):
            rows.append([_name(one), name, *map(float, scores.mean(axis=-1))])
    return table(["problem", "setting", *LABELS], rows)


def plan_table(problems: Sequence[Trained]) -> str:
    rows = [
        [_name(p), p.epochs, f"{p.chance:.0f}", f"{p.highest:.1f}", p.minutes] for p in problems
    ]
    return table(["problem", "epochs", "guessing, %", "best, %", "minutes of one core"], rows)


def error_table(found: Mapping[str, Any]) -> str:
    rows = [[f"simulated, {name}", *rates] for name, rates in found.get("simulated", {}).items()]
    for problem, one in found.items():
        for way, rates in one["error"].items() if problem != "simulated" else ():
            rows.append([f"{problem}: tuned by {way}", *rates])
    return table(["scores", *(f"{k} labels" for k in COUNTS)], rows)


def _error_figures(found: Mapping[str, Any]) -> dict[str, str]:
    """The largest error rates: of real trainings by each way to tune, and of what is simulated."""
    real = [one["error"] for name, one in found.items() if name != "simulated"]
    if not real or "simulated" not in found:
        return {}
    most = lambda way: _tenths(max(max(one[way]) for one in real))
    return {
        "errors_most": most("each seed"),
        "errors_most_by_one": most("one seed for all"),
        "errors_most_simulated": _tenths(max(map(max, found["simulated"].values()))),
    }


def deviation_table(found: Mapping[str, Any]) -> str:
    rows = [
        [name, *one["deviation"].values()] for name, one in found.items() if name != "simulated"
    ]
    return table(["problem", "each seed tunes", "one setting for all seeds"], rows)


def longer_table(problems: Sequence[Trained], longer: Mapping[str, Any]) -> str:
    rows = [
        [one.name, name, once, twice]
        for one in problems
        if one.name in longer
        for name, (once, twice) in starts.changes(one, longer[one.name]).items()
    ]
    return table(["problem", "points", "epochs as planned", "twice as many"], rows)
