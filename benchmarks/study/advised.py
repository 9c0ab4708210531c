"""What came of the advice: accuracies as it is and as advised, for the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from braintools_qps import QPseudoSpike

from .advice import AS_IT_IS, FILE, SEEDS, UNUSUAL, Case, Start, cases
from .data import Problem, own
from .design import LAYER
from .intervals import Effect, over
from .markdown import table
from .store import Store

OLD = "old"
OF_OLD = (
    AS_IT_IS,
    "growth 1 of old",
    "mean_slope",
    "second_moment",
    "depth",
    "own dampening",
    "own dampening and rate",
)


def model(start: Start) -> str:
    """A short name of a start."""
    surrogate, unusual = start.surrogate, []
    if isinstance(surrogate, QPseudoSpike):
        shown = f"alpha {surrogate.alpha:g}".replace("inf", "∞")
    else:
        shown = type(surrogate.surrogate).__name__
    unusual += [
        f"{name} {getattr(surrogate, name):g}"
        for name in ("scale", "dampening")
        if getattr(surrogate, name) != 1
    ]
    unusual += [
        f"bias {value:g}" if name == "bias" else f"{name} x {value:g}"
        for name, value in ((name, getattr(start, name)) for name in UNUSUAL)
        if value != UNUSUAL[name]
    ]
    network = () if start.network == LAYER else (start.network,)
    return ", ".join((start.task, *network, shown, *unusual))


def percent(store: Store, case: Case) -> dict[str, np.ndarray]:
    """Of the test samples, by what was done and by seed; empty where it was not trained."""
    kept = store.cells.get(case.key, {"trained": {}})
    return {name: 100 * np.array(one["test"]) for name, one in kept["trained"].items()}


def tuned(study: Store, case: Case) -> dict[str, np.ndarray]:
    """What the grid of the study gives for the same tail on the same problem."""
    problem, seeds = Problem(case.start.task, case.start.network), len(SEEDS)
    tail = f"alpha {case.start.surrogate.alpha:g}"
    freedoms = {"own dampening": "dampening", "own dampening and rate": "both"}
    found = {name: own(study, problem, tail, freedom) for name, freedom in freedoms.items()}
    return {name: one[:seeds] for name, one in found.items() if one is not None}


def gains(scores: Mapping[str, np.ndarray]) -> dict[str, Effect]:
    """Points won by each change, paired by seed."""
    return {n: over(one - scores[AS_IT_IS]) for n, one in scores.items() if n != AS_IT_IS}


def numbers(store: Store) -> dict[str, Any]:
    """All that pages may quote: accuracies, what they gain, and whether the sentence was said."""
    found: dict[str, Any] = {}
    trained = [case for case in cases() if percent(store, case)]
    for case in trained:
        scores = percent(store, case)
        of = found.setdefault(case.title, {}).setdefault(model(case.start), {})
        of |= {name: over(one) for name, one in scores.items()} | {"gain": gains(scores)}
    old = [case for case in trained if case.title == OLD]
    proposals = sum("candidate to train: with" in one for case in old for one in said(store, case))
    return found | {"models of old": str(len(old)), "proposals for them": str(proposals)}


def said(store: Store, case: Case) -> list[str]:
    """The sentences of `gradient_flow`."""
    return store.cells[case.key]["said"]


def of_old(store: Store, study: Store) -> str:
    """The models on which proposals of old did harm: accuracy by what was done."""
    rows = []
    for case in cases():
        if case.title == OLD and (scores := percent(store, case)):
            scores = tuned(study, case) | scores
            shown = (_mean(scores[name]) if name in scores else "" for name in OF_OLD)
            rows.append((model(case.start), *shown))
    return table(("", *OF_OLD), rows)


def of_sentences(store: Store) -> str:
    """For each sentence, models that made it be said: accuracy as it is, what changes gained."""
    rows = list(_rows(store, (case for case in cases() if case.title != OLD)))
    return table(("said", "model", "as it is, %", "done", "accuracy, %", "gain, points"), rows)


def _rows(store: Store, some: Iterable[Case]) -> Iterator[tuple[str, ...]]:
    for case in some:
        scores = percent(store, case)
        for number, (name, gain) in enumerate(gains(scores).items() if scores else ()):
            head = (case.title, model(case.start), _mean(scores[AS_IT_IS]))
            head = ("", "", "") if number else head
            yield *head, name, _mean(scores[name]), f"{gain:+.1f}"


def _mean(scores: np.ndarray) -> str:
    effect = over(scores)
    return f"{effect.value:.1f} ± {effect.high - effect.value:.1f}"


def kept() -> Store:
    """The file."""
    return Store(FILE)
