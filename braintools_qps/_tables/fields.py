"""Tables of small records: their fields, and what changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._wording import shortened
from .table import Table, cell

if TYPE_CHECKING:
    from ..records import (
        GradientSensitivity,
        NormalizedRate,
        NormalizedRates,
        RelayedPopulation,
        RelayedWeights,
        SavedMemory,
    )


def fields_table(record: Any, *, cut: Callable[[str], str] = shortened) -> Table:
    """The fields of any record, a row for each."""
    names = (field.name for field in dataclasses.fields(record))
    rows = [[name, cut(cell(getattr(record, name)))] for name in names]
    return Table([["", type(record).__name__], *rows], left=2)


def memory_table(saved: SavedMemory) -> Table:
    """What `save_memory` changed, and what it left."""
    left = [(path, f"left: {why}") for path, why in saved.left.items()]
    return Table([("", "now"), *saved.changed.items(), *left], left=2)


def rates_table(rates: NormalizedRates) -> Table:
    """What `normalize_rates` changed, population by population."""
    head = ("population", "rate before", "after", "weights times")
    rows = [(p.population, *_rates(p), _number(p.factor)) for p in rates.populations]
    unfed = [p.population for p in rates.populations if p.factor is None]
    notes = [f"No weight matrices to scale feed {', '.join(unfed)}."] * bool(unfed)
    return Table([head, *rows], [*notes, *rates.notes])


def relayed_table(relayed: RelayedWeights) -> Table:
    """What `relay_weights` changed, population by population."""
    head = ("population", "passes on", "weight", "rate before", "after")
    rows = [
        (p.population, p.source or "-", _number(p.weight), *_rates(p)) for p in relayed.populations
    ]
    return Table([head, *rows])


def sensitivity_table(sensitivity: GradientSensitivity) -> Table:
    """How much each gradient depends on the surrogate."""
    rows = [[p.name, f"{p.change:.0%}", f"{p.size:.3g}"] for p in sensitivity.parameters]
    return Table([["parameter", "change", "size"], *rows], sensitivity.advice)


def _rates(population: NormalizedRate | RelayedPopulation) -> tuple[str, str]:
    return f"{population.before:.4f}", f"{population.after:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
