"""The parts of a report: one function for each kind of record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._comparison import present_environment
from ..plotting import tuning_legend
from ..records import Comparison, GradientFlow, GradientFlows, cell
from .drawings import comparison_drawings, flow_drawings

CODE = ("functions", "sources")  # the user's code, which the record keeps for resuming
_TASK = {"name": "task"}  # other labels for fields of the task

Facts = list[tuple[str, str]]


def contents(record: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
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
    if isinstance(record, Comparison):
        _check(len(record.results), "the comparison has no result yet")
        return _of_comparison(record, settings)
    if isinstance(record, Mapping) and all(isinstance(x, GradientFlow) for x in record.values()):
        _check(len(record), "the mapping is empty")
        return _of_flows(record, settings)
    raise TypeError(
        "a report is written from a Comparison, a GradientFlow or a mapping of names to "
        f"GradientFlow, got {type(record).__name__}. Pass the result of compare or gradient_flow"
    )


def facts(values: Mapping[str, Any]) -> Facts:
    """Names and values as text; nested values in one line."""
    return [(name.replace("_", " "), cell(value)) for name, value in values.items()]


def _of_comparison(comparison: Comparison, settings: Mapping[str, Any]) -> dict[str, Any]:
    asked = {
        "candidates": [result.label for result in comparison.results],
        "seeds": comparison.seeds,
    }
    drawings = comparison_drawings(comparison)
    says = [comparison.verdict, comparison.convergence]
    given = {name: value for name, value in comparison.settings.items() if name not in CODE}
    code = comparison.settings.get("functions", {})
    digests = {f"{name}, sha256": _digest(parts) for name, parts in code.items()}
    sections = [
        ("Training", "", drawings.curves),
        ("Surrogates", "As they were trained, with the tuned dampening.", drawings.surrogates),
    ]
    if drawings.tuning:
        sections.append(("Tuning", tuning_legend(comparison), drawings.tuning))
    return {
        "title": f"Surrogates compared on {comparison.task.get('name', 'a task')}",
        "summary": _progress_of(comparison),
        "says": [sentence for sentence in says if sentence],
        "first": drawings.accuracy,
        "rows": comparison._rows(),
        "marked": comparison._marked(),
        "notes": [note for note in comparison._below() if note not in says],
        "advice": [],
        "sections": sections,
        "asked": facts(asked | {_TASK.get(n, n): v for n, v in comparison.task.items()}),
        "settings": facts({**given, **digests, **settings}),
        "versions": facts(comparison.environment),
    }


def _of_flows(flows: Mapping[str, GradientFlow], settings: Mapping[str, Any]) -> dict[str, Any]:
    first = next(iter(flows.values()))
    asked = {
        "candidates": list(flows),
        "time steps": first.steps,
        "populations": [f"{p.name} ({p.size} neurons)" for p in first.populations],
    }
    shared = list(dict.fromkeys(note for flow in flows.values() for note in flow.notes))
    own = {name: [x for x in flow.advice if x not in shared] for name, flow in flows.items()}
    advice = {"The model and its inputs": shared, **own}
    return {
        "title": "Why does this network not learn?",
        "says": list(GradientFlows(flows).diagnoses),
        "first": None,
        "summary": "Measured on the network as it is, without training.",
        "asked": facts(asked),
        "rows": (table := GradientFlows(flows).by_population())._rows(),
        "marked": (),
        "notes": table._below(),
        "advice": [(name, lines) for name, lines in advice.items() if lines],
        "sections": [("Figures", "", flow_drawings(flows))],
        "settings": facts(settings),
        "versions": facts(present_environment()),
    }


def _progress_of(comparison: Comparison) -> str:
    done, asked, seeds = len(comparison.results), len(comparison.candidates), len(comparison.seeds)
    finished = str(done) if comparison.finished else f"{done} of {asked}"
    return f"{finished} {_noun(asked, 'candidate')}, trained with {seeds} {_noun(seeds, 'seed')}."


def _noun(count: int, name: str) -> str:
    return name if count == 1 else name + "s"


def _digest(parts: Any) -> str:
    """A digest of all parts of a function."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _check(count: int, empty: str) -> None:
    if not count:
        raise ValueError(f"a report needs one result or more, but {empty}. Pass a finished one")
