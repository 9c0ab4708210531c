"""What to warn of in a measurement, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..records import GradientFlow, PopulationFlow
from .readings import gradient_size

# From which share of its neurons on a population counts as dead, or as saturated.
MOST = 0.95
# A gradient this many times smaller than at the first measurement has gone.
GONE = 1e-6

DEAD = (
    "{name} has died: {neurons} fired in no step of any sample. Give it more input or a lower "
    "threshold, or start with a smaller alpha, whose fatter tail still reaches silent neurons"
)
SATURATED = (
    "{name} is saturated: {neurons} fired in nearly every step. Give it less input or a higher "
    "threshold"
)
DIVERGED = (
    "the gradient through {name} is not finite: training has diverged. Go back to the last "
    "checkpoint with a lower learning rate, or clip the gradient"
)
FADED = (
    "the gradient through {name} has gone: its root mean square is {now:.1e}, after {first:.1e} at "
    "the first measurement. Widen the surrogate (scale) or give it a fatter tail (a smaller alpha)"
)
NO_GRADIENT = (
    "no gradient passes through {name}. Widen the surrogate (scale) or give it a fatter tail (a "
    "smaller alpha), and look for a stop_gradient on the way to the output"
)
NOTHING_TO_LEARN = (
    "no parameter of the model has a gradient: nothing will be learnt. Look for the first "
    "population that is named dead, or for a stop_gradient on the way to the output"
)

Sign = tuple[str, str]  # the population, and the sentence that is filled in: each is told once


def signs(flow: GradientFlow, first: GradientFlow) -> dict[Sign, str]:
    """What is wrong; ``first`` is the first measurement of this training."""
    at_first = {population.name: gradient_size(population) for population in first.populations}
    found = {("", NOTHING_TO_LEARN): NOTHING_TO_LEARN} if flow.zero_parameter_share == 1 else {}
    for population in flow.populations:
        numbers = {"name": population.name, "first": at_first[population.name]}
        for sentence, values in _of_population(population, at_first[population.name]):
            found[population.name, sentence] = sentence.format(**numbers, **values)
    return found


def _of_population(population: PopulationFlow, first: float) -> Iterator[tuple[str, dict]]:
    if population.silent_share >= MOST:
        yield DEAD, {"neurons": _neurons(population, population.silent_share)}
    if population.saturated_share >= MOST:
        yield SATURATED, {"neurons": _neurons(population, population.saturated_share)}
    now = gradient_size(population)
    if not math.isfinite(now):
        yield DIVERGED, {}
    elif now == 0:
        yield NO_GRADIENT, {}
    elif now <= GONE * first < math.inf:
        yield FADED, {"now": now}


def _neurons(population: PopulationFlow, share: float) -> str:
    if share == 1:
        return f"all of its {population.size} neurons"
    return f"{share:.1%} of its {population.size} neurons"
