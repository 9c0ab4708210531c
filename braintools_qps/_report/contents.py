"""The parts of a report: one function for each kind of record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from .._comparison import present_environment
from .._tables import cell, plural
from ..plotting import tuning_legend
from ..records import Comparison, GradientFlow, GradientFlows, table_of
from .drawings import comparison_drawings, flow_drawings

Facts = list[tuple[str, str]]


def contents(record: Any) -> dict[str, Any]:
    """The variables of the template.

    Raises
    ------
    TypeError
        If the record is of another type.
    ValueError
        If the record is empty.
    """
    if isinstance(record, GradientFlow):
        record = {record.name: record}
    kind: Callable[..., dict[str, Any]] = _of_flows
    results = record
    if isinstance(record, Comparison):
        kind, results = _of_comparison, record.results
    elif not (
        isinstance(record, Mapping) and all(isinstance(x, GradientFlow) for x in record.values())
    ):
        raise TypeError(
            "a report is written from a Comparison, a GradientFlow or a mapping of names to "
            f"GradientFlow, got {type(record).__name__}. Pass what compare or gradient_flow gave"
        )
    if not results:
        raise ValueError("a report needs one result or more, got none. Pass a finished one")
    return kind(record)


def facts(values: Mapping[str, object]) -> Facts:
    """Names and values as text; nested values in one line."""
    text = lambda x: ("yes" if x else "no") if isinstance(x, bool) else cell(x)
    return [(name.replace("_", " "), text(value)) for name, value in values.items()]


def _of_comparison(comparison: Comparison) -> dict[str, Any]:
    candidates = [result.label for result in comparison.results]
    asked = {"candidates": candidates, "seeds": comparison.seeds, **comparison.task}
    scores, loss, curve, gradient, original, *tuning = comparison_drawings(comparison)
    table = table_of(comparison)
    says = [comparison.verdict, comparison.convergence]
    tune = comparison.settings.get("tune") or {}  # these values differ between candidates
    common = lambda values: {n: v for n, v in values.items() if n not in ("sources", *tune)}
    given = common(comparison.settings)
    if isinstance(given.get("options"), Mapping):
        given["options"] = common(given["options"])
    if tune:
        given["tune"] = "; ".join(map(" ".join, facts(tune)))
    code = comparison.settings.get("sources", {})  # of the user's functions
    digests = {f"{name}, sha256": sha256(text.encode()).hexdigest() for name, text in code.items()}
    sections = [
        ("Training", "Each seed at the setting that it chose." if tune else "", [loss, curve]),
        ("Surrogates", "As they were trained, with their dampening.", [gradient, original]),
    ]
    if tuning:
        sections.append(("Tuning", tuning_legend(comparison), tuning))
    return {
        "title": f"Surrogates compared on {comparison.task.get('name', 'a task')}",
        "summary": _progress_of(comparison),
        "says": [sentence for sentence in says if sentence],
        "first": scores,
        "rows": table.rows,
        "marked": table.marked,
        "notes": [note for note in table.notes if note not in says],
        "advice": [],
        "sections": sections,
        "asked": facts(asked),
        "settings": facts(given | digests),
        "versions": facts(comparison.environment),
    }


def _of_flows(flows: Mapping[str, GradientFlow]) -> dict[str, Any]:
    first, *_ = flows.values()
    ranking = GradientFlows(flows)
    asked = {
        "candidates": list(flows),
        "time steps": first.steps,
        "populations": [f"{p.name} ({p.size} neurons)" for p in first.populations],
    }
    return {
        "title": "Why does this network not learn?",
        "says": list(ranking.diagnoses),
        "first": None,
        "summary": "Measured on the network as it is, without training.",
        "asked": facts(asked),
        "rows": table_of(ranking).rows,
        "marked": (),
        "notes": [],  # they are in the advice
        "advice": [(name, flow.advice) for name, flow in flows.items()],
        "sections": [("Figures", "", flow_drawings(flows))],
        "settings": [],
        "versions": facts(present_environment()),
    }


def _progress_of(comparison: Comparison) -> str:
    done, asked, seeds = len(comparison.results), len(comparison.candidates), len(comparison.seeds)
    finished = str(done) if comparison.finished else f"{done} of {asked}"
    return f"{finished} candidate{'s' * (asked != 1)}, trained with {plural(seeds, 'seed')}."
