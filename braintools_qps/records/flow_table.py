"""The tables of gradient flows: one by population, and one of candidates side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .population import PopulationFlow
from .table import Rows

GradientFlow = Any  # of `flow`, which imports this module

FEW = 4  # populations that a ranking shows one by one


def flow_rows(flow: GradientFlow) -> Rows:
    """A row for each population, the header first; columns for paths where they were split."""
    split = any(p.paths for p in flow.populations)
    columns = _COLUMNS | (_PATHS if split else {})
    rows = [[_place(p), *(column(p) for column in columns.values())] for p in flow.populations]
    return [["population", *columns], *rows]


def ranking_rows(flows: Mapping[str, GradientFlow]) -> Rows:
    """A row for each candidate in the order given, the header first.

    Below it there is one for each of its populations, if there are no more than a few; otherwise
    the candidate's own row has the range over them.
    """
    most = max(len(flow.populations) for flow in flows.values())
    columns = _RANGES if most > FEW else _RANKED
    rows = [row for name, flow in flows.items() for row in _candidate_rows(name, flow, most)]
    return [["surrogate", *columns], *rows]


def _candidate_rows(name: str, flow: GradientFlow, most: int) -> Rows:
    if most > FEW:
        return [[name, *(column(flow) for column in _RANGES.values())]]
    parts = [[_COLUMNS[column](p) for column in _RANKED] for p in flow.populations]
    if most == 1:
        return [[name, *parts[0]]]
    below = [[f"  {_place(p)}", *cells] for p, cells in zip(flow.populations, parts)]
    return [[name, *(column(flow) for column in _RANKED.values())], *below]


def _place(p: PopulationFlow) -> str:
    return f"{p.name} ({p.kind})" if p.kind and p.kind != p.name else p.name


def _spread(values: Iterable[float], form: str) -> str:
    """One number, or the lowest and the highest."""
    shown = sorted(value for value in values if not math.isnan(value))
    if not shown:
        return "-"
    ends = [format(shown[0], form), format(shown[-1], form)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _reach(flow: GradientFlow) -> str:
    shortest = min(flow.populations, key=lambda p: p.reach)
    return f"{shortest.reach}{'+' if shortest.reached_start else ''}"


_COLUMNS: dict[str, Callable[[PopulationFlow], str]] = {
    "growth": lambda p: _spread([p.growth], ".3f"),
    "depth": lambda p: _spread([p.depth_growth], ".3g"),
    "reach": lambda p: f"{p.reach}{'+' if p.reached_start else ''}",
    "consistency": lambda p: _spread([p.consistency], ".2f"),
    "slope": lambda p: _spread([p.mean_slope], ".3g"),
    "half": lambda p: _spread([p.half_share], ".0%"),
    "flat": lambda p: f"{p.flat_share:.0%}",
    "rate": lambda p: f"{p.firing_rate:.3f}",
    "silent": lambda p: f"{p.silent_share:.0%}",
    "saturated": lambda p: f"{p.saturated_share:.0%}",
}
_PATHS: dict[str, Callable[[PopulationFlow], str]] = {
    name: lambda p, field=field: _spread([getattr(p.paths, field)], ".3f")  # type: ignore[misc]
    for name, field in {
        "leak": "leak", "reset": "reset", "recurrence": "recurrence",
        "feed-forward": "feedforward", "without reset": "without_reset",
    }.items()
}  # fmt: skip
# Of a candidate as a whole: what its rank is made of, and the shortest reach.
_RANKED: dict[str, Callable[[GradientFlow], str]] = {
    "growth": lambda flow: _spread([flow.growth], ".3f"),
    "depth": lambda flow: "",
    "reach": _reach,
    "consistency": lambda flow: _spread([flow.consistency], ".2f"),
    "slope": lambda flow: _spread([flow.mean_slope], ".3g"),
    "half": lambda flow: "",
}
_RANGES: dict[str, Callable[[GradientFlow], str]] = {
    "growth": _RANKED["growth"],
    "of populations": lambda flow: _spread((p.growth for p in flow.populations), ".3f"),
    "depth": lambda flow: _spread((p.depth_growth for p in flow.populations), ".3g"),
    "reach": _RANKED["reach"],
    "consistency": _RANKED["consistency"],
    "slope": _RANKED["slope"],
}
