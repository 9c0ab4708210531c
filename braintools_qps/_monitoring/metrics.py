"""A measurement as named metrics, the one form that every logger takes."""

from __future__ import annotations

import numpy as np

from ..records import GradientFlow, PopulationFlow


def metrics(flow: GradientFlow) -> dict[str, float]:
    """The metrics of the model and of each population."""
    numbers = {
        "flow/growth": flow.growth,
        "flow/reach": float(flow.reach),
        "flow/parameters_with_gradient": 1 - flow.zero_parameter_share,
    }
    for population in flow.populations:
        for name, value in _of_population(population).items():
            numbers[f"flow/{population.name}/{name}"] = value
    return numbers


def _of_population(population: PopulationFlow) -> dict[str, float]:
    activity, gradient = population.activity, population.gradient
    return {
        "growth": gradient.growth,
        "reach": float(gradient.reach),
        "gradient": float(np.sqrt(np.max(gradient.second_moments))),
        "mean_slope": population.slopes.per_scale,
        "flat": population.slopes.flat_share,
        "firing_rate": activity.firing_rate,
        "silent": activity.silent_share,
        "saturated": activity.saturated_share,
    }
