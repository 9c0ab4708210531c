"""What a comparison says in words: which candidate is best, and how certain that is."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._statistics import POINTS, UNBOUNDED, Ranking, Unit, listed, ranking, sentence
from .candidate import CandidateResult
from .record import short

AT_EDGE = "* largest or smallest value tried: try values beyond it."
SAME = "="  # within noise of the best
NOTES = {"collapse": "collapse", "runaway": "rate ran away", "silent": "fell silent", "nan": "NaN"}
LONGEST_ERROR = 200
SLOPE = "mean_slope"
OWN = ("learning_rate", "dampening")  # shown even with a single value
# A loss still falls if this last part of the epochs brought this share of its whole fall.
LAST_PART, STILL_FALLING = 1 / 4, 0.01

Results = Sequence[CandidateResult]


class Score(NamedTuple):
    """Name, format and bounds of a score, and a difference that matters."""

    name: str
    heading: str
    unit: Unit
    bounds: tuple[float, float]
    difference: float  # the smallest that matters


def score_of(name: str, results: Results) -> Score:
    """The way to show a score: accuracies in percent, others with three digits."""
    if name == "accuracy":
        return Score(name, "accuracy %", POINTS, (0.0, 1.0), 0.01)
    sizes = (abs(float(np.mean(r.scores.test))) for r in results if not r.diverged)
    return Score(name, name, Unit(), UNBOUNDED, (max(sizes, default=0.0) or 1.0) / 100)


def ranked(results: Results, score: str) -> tuple[list[CandidateResult], Ranking | None]:
    """Results by mean test score, best first and those without one last; and their ranking."""
    seeds = max((len(r.scores.test) for r in results), default=0)
    scores = [math.nan if r.diverged or not r.scores.test else r.scores.test for r in results]
    if all(value is math.nan for value in scores):
        return list(results), None
    every = [np.broadcast_to(value, seeds) for value in scores]
    found = ranking(every, bounds=score_of(score, results).bounds)
    order = list(found.order)
    by_order = lambda values: tuple(values[row] for row in order)
    placed = range(len(order))
    return [results[row] for row in order], found._replace(
        order=tuple(placed), differences=by_order(found.differences), tied=by_order(found.tied)
    )


def verdict(results: Results, score: str) -> str:
    """Which candidate is best, which are within noise of it, and how far the others are."""
    sound = [r for r in results if not r.diverged]
    form = score_of(score, sound)
    labels, scores = [short(r.label) for r in sound], [r.scores.test for r in sound]
    return sentence(labels, scores, difference=form.difference, unit=form.unit)


def convergence(results: Results, epochs: int) -> str:
    """Whether training was long enough, in a sentence; empty where losses cannot say.

    A loss, as its mean over seeds, was still falling if more than 1% of its whole decrease came in
    the last quarter of the epochs.
    """
    sound = [r for r in results if r.curves.loss and not r.diverged]
    losses = [np.mean(r.curves.loss, axis=0) for r in sound]
    falling = [short(r.label) for r, loss in zip(sound, losses) if _still_falls(loss)]
    if falling:
        everyone = len(falling) == len(results)
        who, verb = ("losses", "were") if everyone else (f"loss of {listed(falling)}", "was")
        return (
            f"The {who} {verb} still falling when training ended: differences may only reflect "
            f"speed. Try --epochs {2 * epochs}."
        )
    if losses and all(loss[-1] < loss[0] for loss in losses):
        part = _last_part(losses[0])
        last = "the last epoch" if part == 1 else f"the last {part} epochs"
        return f"Losses levelled off: {last} brought under 1% of their drop."
    return ""


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a loss still fell at the end; False for a single epoch."""
    part = _last_part(loss)
    least = STILL_FALLING * max(loss[0] - loss[-1], 0.0)
    return part < len(loss) and bool(loss[-1 - part] - loss[-1] > least)


def _last_part(loss: np.ndarray) -> int:
    """How many epochs the last quarter has."""
    return max(1, round(LAST_PART * len(loss)))


def caption(
    results: Results, settings: Mapping[str, Any], *, own_test_part: bool, wide: bool
) -> list[str]:
    """Notes that explain the numbers of the table."""
    sound = [r for r in results if r.scores.test]
    if not sound:
        return []
    score = settings.get("score", "accuracy")
    seeds = max(len(r.scores.test) for r in sound)
    shown = f"mean of {seeds} seeds [95% interval]" if seeds > 1 else "one seed"
    notes = [f"Test {score} after epoch {settings.get('epochs')}: {shown}."]
    if len(sound) > 1 and seeds > 1:
        _, found = ranked(results, score)
        together = "95% level, all pairs tested together"
        same = (
            f"{SAME} within noise of the best" if found and sum(found.tied) > 1 else "Differences"
        )
        notes.append(f"{same} ({together}).")
        if wide:
            notes.append(
                "Difference: from the best, seed by seed [95% interval, all pairs together]."
            )
    if seeds > 1:
        notes.append(_luck(own_test_part, tuned=any(r.tuning for r in sound)))
    if any(r.tuning and len({*r.tuning.chosen}) > 1 for r in sound):
        notes.append(f"({seeds - 1}/{seeds}) chosen by {seeds - 1} of {seeds} seeds.")
    if star := edge_note(results):
        notes.append(star)
    if slopes := dict.fromkeys(f"{r.setting[SLOPE]:g}" for r in sound if SLOPE in r.setting):
        most = f"at most {' or '.join(slopes)} before training"
        notes.append(f"Dampening: set for a mean surrogate gradient of {most}.")
    tuned = {name for r in sound for name in tuned_names(r)}
    if "learning_rate" in settings and "learning_rate" not in tuned:
        rate = f"a learning rate of {settings['learning_rate']:g}."
        notes.append(f"All at {rate}" if tuned else f"Not tuned: trained as given, at {rate}")
    if wide:
        best = "the epoch whose validation score was best, seed by seed"
        notes.append(f"At best validation epoch: test {score} with the weights of {best}.")
        notes.append("Firing rate: spikes per neuron and step.")
    if wide and "clip" in settings and not any("clip" in tuned_names(r) for r in sound):
        notes.append(_clip(settings.get("clip")))
    return notes


def edge_note(results: Results) -> str:
    """What the star of a setting means; empty if none has one."""
    tuned = [(r.tuning, r.setting) for r in results if r.tuning]
    edges = {tuple((name, setting[name]) for name in one.at_edge) for one, setting in tuned}
    if edges <= {()}:
        return ""
    if len(tuned) < 2 or len(edges) > 1 or len(first := edges.pop()) > 1:
        return AT_EDGE
    ((name, value),) = first
    is_least = value == min(trial.setting[name] for trial in tuned[0][0].trials)
    most, beyond = ("smallest", "smaller") if is_least else ("largest", "larger")
    tried = f"{most} {name.replace('_', ' ')} tried, {value:g}"
    return f"* All rows have the {tried}: try {beyond} ones, too."


def troubles(results: Results) -> list[str]:
    """Problems of the candidates, a line for each."""
    notes = [f"{short(r.label)}: {trouble(r)}." for r in results if trouble(r)]
    if one_by_one := next(filter(None, (r.one_by_one for r in results)), None):
        reason = one_by_one.rstrip(".")
        notes.append(f"Trained one by one, because the model cannot be vmapped: {reason}.")
    return notes


def trouble(result: CandidateResult) -> str:
    """The problem of one candidate; empty if it has none."""
    if result.error:
        text = f"error: {result.error}".rstrip(".")
        return textwrap.shorten(text, LONGEST_ERROR, placeholder="...")
    seeds = len(result.scores.test)
    return ", ".join(f"{NOTES.get(n, n)} {count}/{seeds}" for n, count in result.flags.items())


def tuned_names(result: CandidateResult) -> list[str]:
    """Names to show: learning rate and dampening, and all others with several values."""
    if result.tuning is None:
        return []
    settings = [trial.setting for trial in result.tuning.trials]
    several = lambda name: any(setting[name] != settings[0][name] for setting in settings)
    return [name for name in settings[0] if name in OWN or several(name)]


def _luck(own_test_part: bool, *, tuned: bool) -> str:
    names = ["weights", "batches", "validation part" if own_test_part else "split"]
    return f"Intervals include variation from {listed([*names, *['tuning'] * tuned])}."


def _clip(norm: float | None) -> str:
    return "Gradients are not clipped." if norm is None else f"Gradient norm clipped at {norm:g}."
