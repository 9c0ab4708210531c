"""The tables of gradient flows: numbers, with a word on those that show the cause."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from .._wording import plural, shortened, span
from .closing import closing_of_flow
from .flow import GradientFlow, GradientFlows
from .population import PopulationFlow
from .record import table_of
from .table import Table, known_columns

FURTHER = 5  # sentences below a table
LABEL = 58  # characters, which leave room for the widest column


@table_of.register
def flow_table(flow: GradientFlow) -> Table:
    """A row for each population."""
    rows = [["population", *COLUMNS]]
    rows += [[_place(p), *_cells(p, COLUMNS, flow)] for p in flow.populations]
    known = known_columns(rows)
    return Table(
        known, says=[str(flow.diagnosis)], title=_title(flow),
        notes=flow.further[:FURTHER], closing=[*closing_of_flow(flow)],
        extra=sum(name in WIDE for name in known[0]),
    )  # fmt: skip


@table_of.register
def flows_table(flows: GradientFlows) -> Table:
    """A row for each candidate, best first, and below it its populations, if they are several."""
    first, *others = flows.values()
    if not others:
        return flow_table(first)
    ranks = flows.ranks
    shared_ranks = Counter(ranks.values())
    rows = [["surrogate", "rank", *RANKED]]
    for name, rank in ranks.items():
        flow, label = flows[name], shortened(name, LABEL)
        shown = f"{rank}{'=' * (shared_ranks[rank] > 1)}"
        if len(flow.populations) == 1:
            rows.append([label, shown, *_cells(flow.populations[0], RANKED, flow)])
        else:
            rows.append([label, shown, *_whole(flow)])
            rows += [[f"  {_place(p)}", "", *_cells(p, RANKED, flow)] for p in flow.populations]
    shared = [line for line in first.further if all(line in flow.further for flow in others)]
    best = flows[next(iter(ranks))]
    notes, closing = shared[:FURTHER], [*closing_of_flow(best)]
    return Table(rows, says=_diagnoses(flows), notes=notes, closing=closing)


def _diagnoses(flows: GradientFlows) -> tuple[str, ...]:
    """Each diagnosis once, with its candidates; that of the best candidate first."""
    sharing: dict[tuple[int, str, str | None], list[str]] = {}
    for name, rank in flows.ranks.items():
        diagnosis = flows[name].diagnosis
        sharing.setdefault((rank, diagnosis.cause, diagnosis.population), []).append(name)
    lines = {names[0]: _diagnosis(flows, *names) for names in sharing.values()}
    if len(lines) < 2:
        return tuple(lines.values())
    return tuple(f"{name}: {line}" for name, line in lines.items())


def _diagnosis(flows: GradientFlows, first: str, *others: str) -> str:
    """The diagnosis of the first; the others share rank and cause, perhaps with other numbers."""
    line = str(flows[first].diagnosis)
    same = len({str(flows[name].diagnosis) for name in (first, *others)}) == 1
    if not others or (same and len(flows) == len(others) + 1):
        return line
    return f"{line} The same with {', '.join(others)}."


def _title(flow: GradientFlow) -> str:
    counts = {"step": flow.steps, "sample": flow.samples, "feature": flow.features}
    shown = [plural(count, name) for name, count in counts.items() if count is not None]
    return f"GradientFlow of {shortened(flow.name)}: {', '.join(shown)}"


def _place(p: PopulationFlow) -> str:
    """The population's name, with the class of its neurons."""
    return shortened(f"{p.name} ({p.kind})" if p.kind and p.kind != p.name else p.name, LABEL)


def _cells(p: PopulationFlow, names: Iterable[str], flow: GradientFlow) -> list[str]:
    """The numbers of a population, with the word of a cause that is found in it."""
    diagnosis = flow.diagnosis
    marked = diagnosis.column if p.name in diagnosis.populations else ""
    return [COLUMNS[n](p) + (f" {diagnosis.word}" if n == marked else "") for n in names]


def _whole(flow: GradientFlow) -> list[str]:
    """The numbers of a candidate with several populations, as in `RANKED`."""
    return [
        _spread([flow.mean_slope], ".3g"),
        _spread((p.gradient.growth for p in flow.populations), ".3f"),
        "",
        COLUMNS["reach"](min(flow.populations, key=lambda p: p.gradient.reach)),
        _spread([flow.consistency], ".2f"),
    ]


def _spread(values: Iterable[float], form: str) -> str:
    """Those that are numbers, from the lowest to the highest; a dash if none is."""
    known = [value for value in values if not math.isnan(value)]
    return span(known, form) if known else "-"


COLUMNS: dict[str, Callable[[PopulationFlow], str]] = {
    "rate": lambda p: f"{p.activity.firing_rate:.3f}",
    "silent": lambda p: f"{p.activity.silent_share:.0%}",
    "saturated": lambda p: f"{p.activity.saturated_share:.0%}",
    "slope": lambda p: _spread([p.slopes.per_scale], ".3g"),
    "flat": lambda p: f"{p.slopes.flat_share:.0%}",
    "growth": lambda p: _spread([p.gradient.growth], ".3f"),
    "reach": lambda p: f"{p.gradient.reach}{'+' if p.gradient.reached_start else ''}",
    "consistency": lambda p: _spread([p.gradient.consistency], ".2f"),
    "operations": lambda p: _spread([p.operations.synaptic], ".3g"),
}
WIDE = ("operations",)  # the last columns, which only the wide table has
RANKED = ("slope", "growth", "flat", "reach", "consistency")
