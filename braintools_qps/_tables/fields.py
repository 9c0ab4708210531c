"""Tables of small records: their fields, the settings of a candidate, its scores, what changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._wording import shortened
from .columns import COLUMNS
from .table import Table, cell

if TYPE_CHECKING:
    from ..records import (
        CandidateResult,
        NormalizedRate,
        NormalizedRates,
        RelayedPopulation,
        RelayedWeights,
        SavedMemory,
        Tuning,
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


def candidate_table(result: CandidateResult) -> Table:
    """Scores and settings of one candidate; what is empty is left out."""
    scores = [column for column in COLUMNS if column.field.startswith("scores.")]
    values = {
        **{column.csv.replace("_", " "): column.value(result) for column in scores},
        "setting": result.setting,
        "tuned surrogate": result.tuned_spec,
        "flags": result.flags,
        "error": result.error,
    }
    rows = [[name, shortened(_with_mean(value))] for name, value in values.items() if value]
    return Table([["", shortened(result.label)], *rows], left=2)


def tuning_table(tuning: Tuning) -> Table:
    """A row for each setting that was tried."""
    names = list(dict.fromkeys(name for trial in tuning.trials for name in trial.setting))
    mean = lambda values: f"{sum(values) / len(values):.4g}" if values else "-"
    rows = [
        [
            str(number),
            *(cell(trial.setting.get(name)) for name in names),
            *map(mean, (trial.validation, trial.test, trial.loss)),
            f"{tuning.chosen.count(number)} of {len(tuning.chosen)}",
        ]
        for number, trial in enumerate(tuning.trials)
    ]
    head = ["trial", *names, "validation", "test", "loss", "chosen by"]
    note = "Means over seeds. Each seed chooses by its own validation score."
    return Table([head, *rows], [note], left=2)


def _rates(population: NormalizedRate | RelayedPopulation) -> tuple[str, str]:
    return f"{population.before:.4f}", f"{population.after:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _with_mean(value: object) -> str:
    """A value in one line; for several numbers, the mean comes first, of those that are known."""
    if isinstance(value, tuple) and len(value) > 1:
        known = [number for number in value if number is not None]
        mean = f"{sum(known) / len(known):.4g}" if known else "none"
        return f"{mean} ({', '.join('none' if x is None else f'{x:.4g}' for x in value)})"
    return cell(value)
