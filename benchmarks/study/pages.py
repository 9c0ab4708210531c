"""What the pages of the study show: every figure and table is made here, from the summary.

Sphinx puts them where a page says ``{{ study.NAME }}`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from . import starts, trainings
from .equal import LABELS as COUNTS
from .rules import ROUNDS, RULES, WHOLE, lost
from .starts import CASES, FAMILY, HEIGHTS, LABELS, SHOWN_CASES, UP_TO_01
from .trained import NORMALISED, Effect, Trained, half, over
from .trainings import RATES

DEFAULT = "mean slope 0.1: 0.1, 0.03, 0.01"  # what `compare` does by default
HEIGHT_NAMES = ("1", "1/2", "1/4", "1/8", "mean slope 0.1")
HALVES = {"development": False, "held out": True}
Cells = Sequence[Sequence[Any]]


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
        "start_in_full": start_table(every, LABELS, HEIGHTS, tuple(CASES)),
        "unsearched": unsearched_table(halves),
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
        "lost_by_grid": of_rule(WHOLE),
        "fat_gain": of_tail("alpha 1/2"),
        "two_gain": of_tail("alpha 2"),
        "thin_gain": of_tail("alpha ∞"),
        "lost_unsearched": of_rule("no search: 0.1, dampening 1"),
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
    """Mean slope 0.1 less dampening 1."""
    rows = []
    for label in LABELS:
        for name, rates in (("up to 0.1", UP_TO_01), ("0.3", starts.AT_03)):
            each = [over([starts.gain(one, label, rates) for one in some]) if some else ""
                    for some in halves.values()]  # fmt: skip
            rows.append([label, name, *each])
    return table(["surrogate", "learning rate", *halves], rows)


def gain_by_problem(problems: Sequence[Trained]) -> str:
    rows = [[_name(one), *(starts.gain(one, label) for label in LABELS)] for one in problems]
    return table(["problem", *LABELS], rows)


def start_table(
    problems: Sequence[Trained],
    labels: Sequence[str] = FAMILY,
    heights: Sequence[int] = (0, 1, 3, NORMALISED),
    cases: Sequence[str] = SHOWN_CASES,
) -> str:
    """What a start loses against the best of the same rate."""
    rows = [
        [label, HEIGHT_NAMES[height], *(starts.start(problems, label, height, c) for c in cases)]
        for label in labels
        for height in heights
    ]
    return table(["surrogate", "dampening", *cases], rows)


def unsearched_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    """What a setting at a learning rate of 0.1 loses against the best of all rates."""
    present = {name: some for name, some in halves.items() if some}
    of = lambda *setting: [starts.unsearched(some, *setting) for some in present.values()]
    rows = [
        [label, HEIGHT_NAMES[height], *of(label, height)]
        for label in FAMILY
        for height in (0, 1, NORMALISED)
    ]
    return table(["surrogate, rate 0.1", "dampening", *present], rows)


def slope_table(halves: Mapping[str, Sequence[Trained]]) -> str:
    """Points lost by the mean slope before training."""
    columns, head = [], ["mean slope"]
    for name, some in halves.items():
        for rates, text in ((UP_TO_01, "up to 0.1"), (starts.AT_03, "0.3")):
            if some:
                columns.append(starts.by_slope(some, rates))
                head.append(f"{name}, rate {text}")
    limits = [f"{low:g} to {high:g}" for low, high in zip(starts.BINS, starts.BINS[1:])]
    limits[-1] = f"above {starts.BINS[-2]:g}"
    return table(head, [[limit, *(c[row][0] for c in columns)] for row, limit in enumerate(limits)])


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
