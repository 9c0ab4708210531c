"""A comparison and a flow made by hand, with a name in them that HTML must not be taken for."""

import dataclasses

import numpy as np
from made_comparison import candidate, compared

from braintools_qps import GradientFlow
from braintools_qps.records import Activity, Diagnosis, Gradient, PopulationFlow, Slopes

NASTY = '<script>alert("&")</script>'

MADE = compared(candidate(NASTY, (0.75, 0.5), losses=(2.0, 1.0)))
COMPARISON = dataclasses.replace(
    MADE,
    task={"name": "digits-rows", "samples": {"train": 7, "test": 2}, "steps": 5},
    settings={"learning_rate": 0.125, "time_constants": [1, 8]},
    candidates=(*MADE.candidates, {"name": "Sigmoid", "alpha": 4.0}),  # one has no result yet
    environment={"python": "3.99", "packages": {"jax": "0.99"}},
)


def population(
    name="lif", moments=(1.0, 0.25, 0.0625), *, slope=0.05, scale=1.0, rate=0.1, **gradient
):
    """A population whose numbers are all made up."""
    numbers = {"growth": 0.5, "reach": 2, "reached_start": True, "end_to_end": 0.25} | gradient
    return PopulationFlow(
        name=name,
        kind="",
        size=10,
        unit="",
        activity=Activity(rate, 0.0, 0.0),
        gradient=Gradient(np.array(moments, float), **numbers),
        slopes=Slopes(slope, 0.25, scale),
    )


def flow_of(name, populations, **changes):
    """A flow with a diagnosis of the first population."""
    found = Diagnosis("silent", populations[0].name, f"{populations[0].name} is silent.", "Do so.")
    steps = len(populations[0].gradient.second_moments)
    options = {"diagnosis": found} | changes
    return GradientFlow(name, None, steps, tuple(populations), **options)


FLOW = flow_of("model", [population()], further=("Look at lif.",))
