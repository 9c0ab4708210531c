"""A measurement as named numbers, the one form that every logger takes."""

from __future__ import annotations

import numpy as np

from ..records import GradientFlow, PopulationFlow


def readings(flow: GradientFlow) -> dict[str, float]:
    """What is worth following over training, for the model and for each population."""
    numbers = {
        "flow/growth": flow.growth,
        "flow/reach": float(flow.reach),
        "flow/parameters_with_gradient": 1 - flow.zero_parameter_share,
    }
    for population in flow.populations:
        for name, value in _of_population(population).items():
            numbers[f"flow/{population.name}/{name}"] = value
    return numbers


def gradient_size(population: PopulationFlow) -> float:
    """Root mean square of dL/dV at the lag where it is largest; NaN where it is not finite."""
    return float(np.sqrt(np.max(population.second_moments)))


def _of_population(population: PopulationFlow) -> dict[str, float]:
    return {
        "growth": population.growth,
        "reach": float(population.reach),
        "gradient": gradient_size(population),
        "flat": population.flat_share,
        "firing_rate": population.firing_rate,
        "dead": population.silent_share,
        "saturated": population.saturated_share,
    }
