"""The columns of a gradient flow's table: numbers, each with a verdict such as ok or high."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .causes import verdict
from .population import PopulationFlow

Column = Callable[[PopulationFlow], str]


def place(p: PopulationFlow) -> str:
    """The population's name, with the class of its neurons."""
    return f"{p.name} ({p.kind})" if p.kind and p.kind != p.name else p.name


def spread(values: Iterable[float], form: str) -> str:
    """One number, or the lowest and the highest."""
    shown = sorted(value for value in values if not math.isnan(value))
    if not shown:
        return "-"
    ends = [format(shown[0], form), format(shown[-1], form)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _judged(name: str, shown: Column) -> Column:
    """A number with the verdict on it; no verdict where there is no number."""
    return lambda p: text if (text := shown(p)) == "-" else f"{text} {verdict(p, name)}"


COLUMNS: dict[str, Column] = {
    "rate": _judged("rate", lambda p: f"{p.activity.firing_rate:.3f}"),
    "silent": lambda p: f"{p.activity.silent_share:.0%}",
    "saturated": lambda p: f"{p.activity.saturated_share:.0%}",
    "slope": _judged("slope", lambda p: spread([p.slopes.per_scale], ".3g")),
    "flat": _judged("flat", lambda p: f"{p.slopes.flat_share:.0%}"),
    "growth": lambda p: spread([p.gradient.growth], ".3f"),
    "reach": lambda p: f"{p.gradient.reach}{'+' if p.gradient.reached_start else ''}",
    "depth": lambda p: spread([p.gradient.depth_growth], ".3g"),
    "consistency": _judged("consistency", lambda p: spread([p.gradient.consistency], ".2f")),
}
TELLS: dict[str, Column] = {"tells": lambda p: f"{p.information:.0%}"}
PATHS: dict[str, Column] = {
    name: lambda p, field=field: spread([getattr(p.paths, field)], ".3f")  # type: ignore[misc]
    for name, field in {
        "leak": "leak", "reset": "reset", "recurrence": "recurrence",
        "feed-forward": "feedforward", "without reset": "without_reset",
    }.items()
}  # fmt: skip
