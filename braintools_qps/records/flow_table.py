"""The columns of a gradient flow's table: numbers, each with a verdict such as ok or high."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .population import FAR, FLIPPED, TOO_HIGH, PopulationFlow

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


def slope_verdict(slope: float) -> str:
    """Whether a mean slope is too high."""
    if math.isnan(slope):
        return ""
    return " high" if slope > TOO_HIGH else " ok"


def _rate(p: PopulationFlow) -> str:
    a = p.activity
    verdict = "silent" if a.is_silent else "saturated" if a.is_saturated else "ok"
    return f"{a.firing_rate:.3f} {verdict}"


def _slope(p: PopulationFlow) -> str:
    return spread([p.slopes.per_scale], ".3g") + slope_verdict(p.slopes.per_scale)


def _flat(p: PopulationFlow) -> str:
    return f"{p.slopes.flat_share:.0%}" + (" out of reach" if p.slopes.out_of_reach else " ok")


def _growth(p: PopulationFlow) -> str:
    ratio = p.gradient.end_to_end
    if math.isnan(ratio):
        return "-"
    verdict = "explodes" if ratio > FAR else "ok"
    return f"{spread([p.gradient.growth], '.3f')} {verdict}"


def _consistency(p: PopulationFlow) -> str:
    value = p.gradient.consistency
    if math.isnan(value):
        return "-"
    return f"{value:.2f} {'flips' if value < FLIPPED else 'ok'}"


COLUMNS: dict[str, Column] = {
    "rate": _rate,
    "silent": lambda p: f"{p.activity.silent_share:.0%}",
    "saturated": lambda p: f"{p.activity.saturated_share:.0%}",
    "slope": _slope,
    "flat": _flat,
    "growth": _growth,
    "reach": lambda p: f"{p.gradient.reach}{'+' if p.gradient.reached_start else ''}",
    "depth": lambda p: spread([p.gradient.depth_growth], ".3g"),
    "consistency": _consistency,
}
TELLS: dict[str, Column] = {"tells": lambda p: f"{p.information:.0%}"}
PATHS: dict[str, Column] = {
    name: lambda p, field=field: spread([getattr(p.paths, field)], ".3f")  # type: ignore[misc]
    for name, field in {
        "leak": "leak", "reset": "reset", "recurrence": "recurrence",
        "feed-forward": "feedforward", "without reset": "without_reset",
    }.items()
}  # fmt: skip
