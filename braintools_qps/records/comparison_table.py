"""The table of a comparison, with the noise in it, and what is said below it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._statistics import FromBest, Interval, from_best, sentence, summary
from .candidate import CandidateResult
from .table import Rows

SAME = "="  # marks what cannot be told from the highest
NOTES = {"collapse": "collapse", "runaway": "rate ran away", "silent": "fell silent", "nan": "NaN"}


def comparison_rows(results: Sequence[CandidateResult], score: str) -> Rows:
    """A row for each candidate, the header first."""
    name, factor = _unit(score)
    found = _from_highest(results)
    columns = {
        name: [_interval(r.scores.test, factor) for r in results],
        "difference": _differences(results, found, factor),
        "best epoch": [_mean(r.scores.test_at_best_epoch, _form(factor), factor) for r in results],
        **_settings(results),
        "firing rate": [_mean(r.scores.firing_rate, "{:.3f}") for r in results],
        "s/epoch": [_optional(r.cost and r.cost.seconds_per_epoch, "{:.2g}") for r in results],
        "peak MB": [_optional(r.cost and r.cost.peak_bytes, "{:.1f}", 1e-6) for r in results],
        "notes": [_notes(r) for r in results],
    }
    kept = {
        title: cells for title, cells in columns.items() if any(c not in ("", "-") for c in cells)
    }
    body = [[r.label, *cells] for r, cells in zip(results, zip(*kept.values()))]
    return [["surrogate", *kept], *body]


def caption(every: Sequence[CandidateResult], settings: Mapping[str, Any]) -> list[str]:
    """What the numbers mean, and then what they do not say, each in one line."""
    results = [r for r in every if not r.error]
    if not results:
        return []
    score = settings.get("score", "accuracy")
    name, _ = _unit(score)
    seeds = max(len(r.scores.test) for r in results)
    shown = "mean with 95% interval" if seeds > 1 else "one seed"
    parts = [f"Test {name}: {shown}, {_end(settings)}."]
    if len(results) > 1:
        parts.append(f"'{SAME}': cannot be told from the highest mean.")
        if seeds > 1:
            parts.append("Differences from it are paired by seed, all intervals at 95% together.")
    if any(r.tuning and r.tuning.at_edge for r in results):
        parts.append("'*': at the edge of what was searched.")
    if not any("clip" in _tuned(r) for r in results):
        parts.append(_clip(settings.get("clip")))
    if one_by_one := next(filter(None, (r.one_by_one for r in results)), None):
        reason = one_by_one.rstrip(".")
        parts.append(f"Trained one by one, because the model cannot be vmapped: {reason}.")
    return [note for note in (" ".join(parts), verdict(every, score)) if note]


def verdict(every: Sequence[CandidateResult], score: str) -> str:
    """The sentence on who can be told from whom; empty for fewer than two results."""
    results = [r for r in every if not r.diverged]
    if len(results) < 2:
        return ""
    _, factor = _unit(score)
    difference, words = (0.01, "1 point") if factor != 1 else _hundredth(results)
    labels, scores = [r.label for r in results], [r.scores.test for r in results]
    return sentence(labels, scores, difference=difference, words=words)


def _end(settings: Mapping[str, Any]) -> str:
    patience = settings.get("patience")
    early = f" or {patience} without a better validation score" if patience else ""
    return f"after epoch {settings.get('epochs')}{early}"


def _clip(norm: float | None) -> str:
    return "Gradients are not clipped." if norm is None else f"Gradient norm clipped at {norm:g}."


def _tuned(result: CandidateResult) -> list[str]:
    """Names that were tuned."""
    return list(result.tuning.rungs[0].trials[0].setting) if result.tuning else []


def _unit(score: str) -> tuple[str, float]:
    """How the score is called in the table, and by what it is multiplied there."""
    return ("accuracy %", 100.0) if score == "accuracy" else (score, 1.0)


def _hundredth(results: Sequence[CandidateResult]) -> tuple[float, str]:
    size = max(abs(float(np.nanmean(r.scores.test))) for r in results) or 1.0
    return size / 100, f"{size / 100:.2g}"


def _from_highest(results: Sequence[CandidateResult]) -> FromBest | None:
    """Differences from the highest score; NaN for a candidate that ended in an error."""
    seeds = max((len(r.scores.test) for r in results), default=0)
    scores = [r.scores.test if r.scores.test else [math.nan] * seeds for r in results]
    if len(scores) < 2 or not seeds or np.isnan(np.mean(scores, axis=1)).all():
        return None
    return from_best(scores)


def _differences(
    results: Sequence[CandidateResult], found: FromBest | None, factor: float
) -> list[str]:
    if found is None:
        return ["-"] * len(results)
    alone = sum(found.indistinguishable) == 1
    cells = []
    for row, (difference, same) in enumerate(zip(found.differences, found.indistinguishable)):
        mark = SAME if same and not alone else " "
        top = "best" if alone else "highest"
        shown = "-" if math.isnan(difference.mean) else _shown(difference, factor)
        cells.append(f"{top if row == found.best else shown} {mark}".rstrip())
    return cells


def _interval(values: Sequence[float], factor: float) -> str:
    return _shown(summary(values), factor) if values else "-"


def _shown(interval: Interval, factor: float) -> str:
    if math.isnan(interval.mean):
        return "nan"
    form = _form(factor)
    mean, low, high = (None if x is None else form.format(factor * x) for x in interval[:3])
    return f"{mean}" if low is None else f"{mean} [{low}, {high}]"


def _form(factor: float) -> str:
    """A score has one decimal in percent, and elsewhere three digits."""
    return "{:.1f}" if factor != 1 else "{:.3g}"


def _settings(results: Sequence[CandidateResult]) -> dict[str, list[str]]:
    """A column for each name that was tuned."""
    tuned = [name for r in results for name in _tuned(r)]
    return {
        name.replace("_", " "): [_value(r, name) for r in results] for name in dict.fromkeys(tuned)
    }


def _value(result: CandidateResult, name: str) -> str:
    if name not in result.setting:
        return "-"
    value = result.setting[name]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if name in ("dampening", "scale") and 0 < value < 1 and (1 / value).is_integer():
        text = f"1/{1 / value:g}"
    return text + ("*" if result.tuning and name in result.tuning.at_edge else "")


def _notes(result: CandidateResult) -> str:
    if result.error:
        return textwrap.shorten(f"error: {result.error}", 60, placeholder="...")
    seeds = len(result.scores.test)
    return ", ".join(f"{NOTES.get(n, n)} {count}/{seeds}" for n, count in result.flags.items())


def _mean(values: Sequence[float], form: str, factor: float = 1) -> str:
    return form.format(factor * float(np.mean(values))) if len(values) else "-"


def _optional(value: Any, form: str, factor: float = 1) -> str:
    return "-" if value is None else form.format(value * factor)
