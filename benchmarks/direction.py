"""What was measured of the direction of surrogate gradients, for the pages that quote it.

The experiment itself is in the history of this file.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from braintools_qps import get_surrogate

from . import report

PATH = report.RESULTS / "direction.json"
LIGHT = 4.0  # tails from here on fall off fast; growth does not rank them
SIGMAS = (0.1, 0.3)  # of weights of order 1
TIED = "hidden"  # all groups whose gradient depends on the surrogate


def recorded() -> dict[str, Any]:
    """What has been measured so far."""
    return json.loads(PATH.read_text()) if PATH.exists() else {"tasks": {}}


def _is_light(label: str) -> bool:
    return get_surrogate(label).alpha >= LIGHT


def in_short(record: dict[str, Any]) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """For the guide: a row for each task and group of tails, and what it says of single ones."""
    rows, single = [], {}
    for task, found in record["tasks"].items():
        single[task] = _of_single(found["candidates"])
        for tails, keep in (("", lambda _: True), (f", alpha {LIGHT:g} and up", _is_light)):
            kept = [one for label, one in found["candidates"].items() if keep(label)]
            accuracy = np.array([one["accuracy"] for one in kept])
            nearness = [-abs(np.mean(np.log(one["growth"]))) for one in kept]
            cosines = [
                [_mean_cosine(one, group, SIGMAS[0]) for one in kept]
                for group in (TIED, "recurrent")
            ]
            figures = (nearness, *cosines)
            *ranks, recurrent = (_rank(figure, accuracy.mean(axis=1)) for figure in figures)
            rows.append((task + tails, str(len(kept)), *ranks, f"{ceiling(accuracy):.2f}"))
            single[task][f"recurrent{tails}"] = recurrent
    return rows, single


def _of_single(candidates: dict[str, Any]) -> dict[str, Any]:
    """The cosine and the accuracy of each candidate, and how far the cosines spread."""
    cosines = {label: _mean_cosine(one, TIED, SIGMAS[0]) for label, one in candidates.items()}
    of_each = {
        label: {
            "cosine": f"{cosines[label]:.2f}",
            "accuracy": f"{100 * np.mean(one['accuracy']):.1f}",
        }
        for label, one in candidates.items()
    }
    spread = f"{min(cosines.values()):.2f} to {max(cosines.values()):.2f}"
    return of_each | {"cosines": spread}


def _rank(figure: list[float], accuracy: np.ndarray) -> str:
    return "-" if np.isnan(figure).any() else f"{spearmanr(figure, accuracy).statistic:+.2f}"


def _mean_cosine(one: dict[str, Any], group: str, sigma: float) -> float:
    found = one["directions"].get(f"sigma {sigma:g}")
    known = found[group]["cosine"] if found else []
    return float(np.mean([x for x in known if x is not None] or [math.nan]))


def ceiling(accuracy: np.ndarray) -> float:
    """The root of the reliability of mean accuracies, of shape (candidates, seeds)."""
    between = np.var(accuracy.mean(axis=1), ddof=1)
    noise = np.mean(np.var(accuracy - accuracy.mean(axis=0), axis=1, ddof=1)) / accuracy.shape[1]
    return math.sqrt(max(0.0, 1 - noise / between))
