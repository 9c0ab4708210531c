"""How a gradient fades by the lines that were fitted to it, in words."""

from __future__ import annotations

import math

import numpy as np

from ..records import Phase, PopulationFlow
from .measures import FADED

LOOSE = 2.0  # factor by which the gradient may lie off its fit
TOLD = 2.0  # factor between what the paces leave of a gradient and what there is, that is told


def change(p: PopulationFlow) -> float:
    """The largest factor between two places of the fitted gradient; NaN where it has none."""
    if not p.phases:
        return math.nan
    changes = [math.log(f.growth) * (f.last - f.first) for f in p.phases]
    return math.exp(np.ptp(np.cumsum([0.0, *changes])))


def lags(p: PopulationFlow) -> int:
    """How many steps have a gradient, from the first of them to the last."""
    return p.phases[-1].last - p.phases[0].first + 1


def reach(p: PopulationFlow) -> str:
    """Where the gradient is down to 1%, and whether the pace lets one expect that."""
    if p.deviation > LOOSE:
        end = "" if p.reached_start else f" It is down to 1% after {p.reach}."
        return f"{end} It is irregular: the fit is off by a factor of {p.deviation:.2g}."
    if p.reached_start:
        late = fitted(p, p.reach) < FADED / TOLD
        return " It stays above 1% of the last step's, longer than at that pace." if late else ""
    if p.phases[0].first + p.reach > p.phases[-1].last:
        return f" It is exactly 0 from {p.reach} steps back on."
    sooner = ", sooner than at that pace" if fitted(p, p.reach) > FADED * TOLD else ""
    later = ", later than at that pace" if fitted(p, p.reach - 1) < FADED / TOLD else ""
    return f" It is down to 1% after {p.reach}{sooner}{later}."


def fitted(p: PopulationFlow, lag: int) -> float:
    """What the paces leave of the gradient so many steps back."""
    start = p.phases[0].first
    steps = [max(0, min(f.last, start + lag) - max(f.first - 1, start)) for f in p.phases]
    return math.prod(f.growth**n for f, n in zip(p.phases, steps))


def pace(phase: Phase) -> str:
    """What happens over a phase: how many steps halve or double the gradient, and the growth."""
    if phase.growth == 1:
        return "keeps its size"
    steps = math.log(2) / abs(math.log(phase.growth))
    every = "step" if f"{steps:.2g}" == "1" else f"{steps:.2g} steps"
    verb = "falls by half" if phase.growth < 1 else "doubles"
    return f"{verb} every {every} (growth {phase.growth:.3f} per step)"
