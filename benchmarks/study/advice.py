"""Models of which `gradient_flow` and `normalize_surrogate` said something that was then trained.

What they said, and how training went, is in ``docs/results/surrogate_advice.json``; the program
that made it is in the history of this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, Scaled, get_surrogate

from .design import CUE, DEEP, FORWARD, LAYER, PIXELS, REPORTED, ROWS, TWO_KINDS
from .store import STORE

AS_IT_IS = "as it is"
FILE = STORE.with_name("surrogate_advice.json")
SEEDS = REPORTED[:5]
NARROW, STEEP = 1 / 8, 4.0  # a scale; a dampening at half the scale
TAIL, RELU = QPseudoSpike(2.0, scale=1.0), Scaled(get_surrogate("ReluGrad"), scale=1.0)


class Start(NamedTuple):
    """A model of the study, and what is unusual about it: factors of weights and of inputs."""

    task: str
    network: str
    surrogate: Surrogate
    inputs: float = 1.0
    recurrent: float = 1.0  # of a layer's weights to itself
    between: float = 1.0  # of the weights into all layers but the first
    bias: float = 0.0  # added, in distances from rest to threshold


UNUSUAL = Start._field_defaults


class Case(NamedTuple):
    """A model of which something was said."""

    title: str
    start: Start

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
        yield Case("silent", Start(task, LAYER, TAIL, inputs=0.1))
        yield Case("saturated", Start(task, LAYER, TAIL, bias=4.0))
        narrow = QPseudoSpike(np.inf, scale=NARROW)
        yield Case("out of range", Start(task, LAYER, narrow))
        yield Case("out of range", Start(task, LAYER, RELU, inputs=0.1))
        bounded = RELU.replace(scale=0.25)
        yield Case("no gradient", Start(task, LAYER, bounded, inputs=0.02))
        steep = QPseudoSpike(2.0, scale=0.5, dampening=STEEP)
        yield Case("overshooting", Start(task, LAYER, steep))
        for alpha, gain in ((2.0, 25.0), (0.5, 10.0)):
            strong = Start(task, LAYER, QPseudoSpike(alpha, scale=1.0), recurrent=gain)
            yield Case("proposed", strong)
        for gain in (20.0, 0.05):
            yield Case("uneven depth", Start(task, FORWARD, TAIL, between=gain))
    yield from old_cases()


def old_cases() -> Iterator[Case]:
    """Those on which proposals of old did harm, and a heavy tail."""
    pixels = Start(PIXELS, LAYER, QPseudoSpike(4.0, scale=1.0, dampening=0.5))
    yield Case("old", pixels)
    for task in (ROWS, CUE):
        two = Start(task, TWO_KINDS, QPseudoSpike(2.0, scale=1.0))
        yield Case("old", two)
        for alpha in (2.0, 16.0):
            three = Start(task, DEEP, QPseudoSpike(alpha, scale=1.0))
            yield Case("old", three)
        heavy = Start(task, DEEP, QPseudoSpike(0.5, scale=1.0))
        yield Case("heavy tail", heavy)
