"""What `gradient_flow` and `normalize_surrogate` say of a model, done and trained.

A case is a model of which they say something: one for each sentence that tells its reader to do
anything, and those on which proposals of old did harm. Each is trained as it is and as they say;
what they say is taken from them, not written down here. ``python -m benchmarks.study.advice``
trains what is missing, case by case, and keeps it in ``docs/results/surrogate_advice.json``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from braintools_qps import QPseudoSpike, Scaled, get_surrogate
from braintools_qps._comparison.tuning import DEFAULT_TUNE
from braintools_qps._comparison.tuning import grid as combinations
from braintools_qps._surrogate import adjusted

from . import saying
from .cells import DIGITS
from .design import CUE, DEEP, FORWARD, LAYER, PIXELS, REPORTED, ROWS, TUNING_SEEDS, TWO_KINDS
from .prepared import AS_IT_IS, Change, Start, Trial, trained
from .store import STORE, Store

FILE = STORE.with_name("surrogate_advice.json")
SEEDS, RATE = REPORTED[:5], 0.1
NARROW, STEEP = 1 / 8, 4.0  # a scale; a dampening at half the scale
TAIL, RELU = QPseudoSpike(2.0, scale=1.0), Scaled(get_surrogate("ReluGrad"), scale=1.0)

UNUSUAL = Start._field_defaults
Changes = Mapping[str, Change]


class Case(NamedTuple):
    """A model, and the changes that are tried on it, made of what is measured of it."""

    title: str
    start: Start
    changes: Callable[[saying.Said], Changes]
    tuned: bool = False  # whether to search `compare`'s settings: the study has done so for most

    @property
    def key(self) -> str:
        """Its name in the JSON."""
        start = self.start
        unusual = {name: getattr(start, name) for name in UNUSUAL}
        shown = [f"{name} {value:g}" for name, value in unusual.items() if value != UNUSUAL[name]]
        parts = (self.title, start.task, start.network, repr(start.surrogate), *shown)
        return " / ".join(parts)


def cases() -> Iterator[Case]:
    """All of them, the models of old last."""
    for task in (ROWS, CUE):
        yield Case("silent", Start(task, LAYER, TAIL, inputs=0.1), firing)
        yield Case("saturated", Start(task, LAYER, TAIL, bias=4.0), firing)
        narrow = QPseudoSpike(np.inf, scale=NARROW)
        yield Case("out of range", Start(task, LAYER, narrow), wider)
        yield Case("out of range", Start(task, LAYER, RELU, inputs=0.1), wider)
        bounded = RELU.replace(scale=0.25)
        yield Case("no gradient", Start(task, LAYER, bounded, inputs=0.02), with_a_tail)
        steep = QPseudoSpike(2.0, scale=0.5, dampening=STEEP)
        yield Case("overshooting", Start(task, LAYER, steep), calmer)
        for alpha, gain in ((2.0, 25.0), (0.5, 10.0)):
            strong = Start(task, LAYER, QPseudoSpike(alpha, scale=1.0), recurrent=gain)
            yield Case("proposed", strong, proposed)
        for gain in (20.0, 0.05):
            yield Case("uneven depth", Start(task, FORWARD, TAIL, between=gain), evened)
    yield from old_cases()


def old_cases() -> Iterator[Case]:
    """Those on which proposals of old did harm, and a heavy tail."""
    pixels = Start(PIXELS, LAYER, QPseudoSpike(4.0, scale=1.0, dampening=0.5))
    yield Case("old", pixels, normalised)
    for task in (ROWS, CUE):
        two = Start(task, TWO_KINDS, QPseudoSpike(2.0, scale=1.0))
        yield Case("old", two, normalised, tuned=True)
        for alpha in (2.0, 16.0):
            three = Start(task, DEEP, QPseudoSpike(alpha, scale=1.0))
            yield Case("old", three, normalised)
        heavy = Start(task, DEEP, QPseudoSpike(0.5, scale=1.0))
        yield Case("heavy tail", heavy, lowered)


def normalised(said: saying.Said) -> Changes:
    """Growth 1 of old, whatever is proposed today, and each rule."""
    return {"growth 1 of old": Change(said.past_the_turn())} | proposed(said) | said.by_rule()


def evened(said: saying.Said) -> Changes:
    """Each rule, and a mean slope that is raised, too, where it lies below the target."""
    return said.by_rule() | {"mean slope raised": Change(said.raised())}


def lowered(said: saying.Said) -> Changes:
    """Each rule, and an eighth of the dampening everywhere."""
    eighth = adjusted(said.start.surrogate, dampening=1 / 8)
    return said.by_rule() | {"dampening 1/8": Change(said.everywhere(eighth))}


def proposed(said: saying.Said) -> Changes:
    """Candidates to train."""
    found = said.flow.adjustments
    return {one.parameter: Change(said.everywhere(one.surrogate)) for one in found if one.factor}


def firing(said: saying.Said) -> Changes:
    """What brings each population to its firing rate."""
    return said.firing()


def wider(said: saying.Said) -> Changes:
    """Wider surrogates, as they are and at the same height, and one with a fat tail."""
    surrogate = said.start.surrogate
    at = lambda **factors: Change(said.everywhere(adjusted(surrogate, **factors)))
    tail = QPseudoSpike(2.0, scale=surrogate.scale, dampening=surrogate.dampening)
    return {
        "scale x 2": at(scale=2.0),
        "scale x 4": at(scale=4.0),
        "scale x 8": at(scale=8.0),
        "scale and dampening x 4": at(scale=4.0, dampening=4.0),
        "alpha 2": Change(said.everywhere(tail)),
    }


def with_a_tail(said: saying.Said) -> Changes:
    """The same width with a tail."""
    tails = {f"alpha {alpha:g}": QPseudoSpike(alpha, scale=0.25) for alpha in (0.5, 2.0)}
    wide = {"scale x 4": adjusted(said.start.surrogate, scale=4.0)}
    return {name: Change(said.everywhere(one)) for name, one in (tails | wide).items()}


def calmer(said: saying.Said) -> Changes:
    """Less dampening, or no gradient through the reset."""
    surrogate = said.start.surrogate
    lower = lambda factor: Change(said.everywhere(adjusted(surrogate, dampening=factor)))
    return {
        "dampening x 0.5": lower(0.5),
        "dampening x 0.25": lower(0.25),
        "reset detached": Change(said.everywhere(surrogate), detached=True),
    }


def train(store: Store, only: str = "") -> None:
    """Train what is missing, and keep each case as soon as it is whole."""
    for case in cases():
        if only not in case.key or store.cells.get(case.key) is not None:
            continue
        start, cpu = time.perf_counter(), time.process_time()
        said = saying.Said(case.start)
        as_it_is = Change(said.everywhere(case.start.surrogate))
        result = {
            **_said(said),
            "trained": _all(case.start, {AS_IT_IS: as_it_is, **case.changes(said)})
            | (_tuned(case.start, said) if case.tuned else {}),
            "seconds": round(time.perf_counter() - start, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        }
        store.put(case.key, result)
        print(f"{result['seconds']:6.0f} s  {case.key}", flush=True)


def say(store: Store, only: str = "") -> None:
    """Put down what is said today of what has been trained."""
    for case in cases():
        if only in case.key and (kept := store.cells.get(case.key)) is not None:
            store.cells[case.key] = kept | _said(saying.Said(case.start))
    store.save()


def _said(said: saying.Said) -> dict[str, Any]:
    growth = round(said.flow.growth, DIGITS)
    return {"said": list(said.flow.advice), "growth": growth if np.isfinite(growth) else None}


def _all(start: Start, changes: Changes) -> dict[str, Any]:
    """Every change with all seeds; those of one surrogate's numbers in one program."""
    setting = {"learning_rate": RATE}
    alone = {name: one for name, change in changes.items() if (one := change.alone) is not None}
    tests = {}
    if alone:
        trials = [Trial(one, setting) for one in alone.values()]
        first = changes[next(iter(alone))]
        tests = dict(zip(alone, trained(start, first, trials, SEEDS, free=True).test))
    for name in changes.keys() - alone.keys():
        trials = [Trial(start.surrogate, setting)]
        (tests[name],) = trained(start, changes[name], trials, SEEDS).test
    return {name: _kept(change, RATE, tests[name]) for name, change in changes.items()}


def _kept(change: Change, rate: float, test: np.ndarray) -> dict[str, Any]:
    scores = np.round(test, DIGITS).tolist()
    return {"change": change.described(), "learning_rate": rate, "test": scores}


def _tuned(start: Start, said: saying.Said) -> dict[str, Any]:
    """The settings that `compare` would search, chosen by validation with one seed."""
    settings = combinations(DEFAULT_TUNE)
    as_it_is = Change(said.everywhere(start.surrogate))
    trials = [Trial(start.surrogate, one) for one in settings]
    scores = trained(start, as_it_is, trials, TUNING_SEEDS[:1], free=True).validation[:, 0]
    held = [i for i, one in enumerate(settings) if one["learning_rate"] == RATE]
    chosen = [trials[held[int(np.argmax(scores[held]))]], trials[int(np.argmax(scores))]]
    tests = trained(start, as_it_is, chosen, SEEDS, free=True).test
    return {
        name: _kept(
            Change(said.everywhere(adjusted(start.surrogate, dampening=s["dampening"]))),
            s["learning_rate"],
            test,
        )
        for name, (_, s), test in zip(("own dampening", "own dampening and rate"), chosen, tests)
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study.advice", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose key contains this")
    parser.add_argument("--say", action="store_true", help="only take anew what is said")
    arguments = parser.parse_args()
    (say if arguments.say else train)(Store(FILE), arguments.only)


if __name__ == "__main__":
    main()
