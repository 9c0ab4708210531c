"""What in a measurement a trainer has to hear of, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..records import GradientFlow, PopulationFlow
from .readings import gradient_size

# From which share of its neurons on a population counts as dead, or as saturated.
MOST = 0.95
# A gradient this many times smaller than at the first measurement has gone.
GONE = 1e-6

Sign = tuple[str, str]  # where, and what: each is told once


def signs(flow: GradientFlow, first: GradientFlow) -> dict[Sign, str]:
    """What is wrong, by place and kind; ``first`` is the first measurement of this training."""
    at_first = {population.name: gradient_size(population) for population in first.populations}
    found = dict(_of_model(flow))
    for population in flow.populations:
        for kind, text in _of_population(population, at_first):
            found[population.name, kind] = text
    return found


def _of_model(flow: GradientFlow) -> Iterator[tuple[Sign, str]]:
    if flow.zero_parameter_share == 1:
        yield ("", "parameters"), (
            "no parameter of the model has a gradient: nothing will be learnt. Look for the first "
            "population that is named dead, or for a stop_gradient on the way to the output"
        )


def _of_population(
    population: PopulationFlow, at_first: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    name = population.name
    if population.silent_share >= MOST:
        yield "dead", (
            f"{name} has died: {_neurons(population, population.silent_share)} fired in no step of "
            "any sample. Give it more input or a lower threshold, or start with a smaller alpha, "
            "whose fatter tail still reaches silent neurons"
        )
    if population.saturated_share >= MOST:
        yield "saturated", (
            f"{name} is saturated: {_neurons(population, population.saturated_share)} fired in "
            "nearly every step. Give it less input or a higher threshold"
        )
    size = gradient_size(population)
    if not math.isfinite(size):
        yield "diverged", (
            f"the gradient through {name} is not finite: training has diverged. Go back to the "
            "last checkpoint with a lower learning rate, or clip the gradient"
        )
    elif size <= GONE * at_first[name]:
        then = f", after {at_first[name]:.1e} at the first measurement" if at_first[name] else ""
        yield "gone", (
            f"the gradient through {name} has gone: its root mean square is {size:.1e}{then}. "
            "Widen the surrogate (scale) or give it a fatter tail (a smaller alpha)"
        )


def _neurons(population: PopulationFlow, share: float) -> str:
    if share == 1:
        return f"all of its {population.size} neurons"
    return f"{share:.1%} of its {population.size} neurons"
