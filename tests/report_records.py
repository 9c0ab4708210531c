"""A comparison and a flow made by hand, with a name in them that HTML must not be taken for."""

import math

import numpy as np

from braintools_qps import Comparison, GradientFlow
from braintools_qps.records import CandidateResult, Curves, Histogram, PopulationFlow, Scores

NASTY = '<script>alert("&")</script>'

COMPARISON = Comparison(
    task={"name": "cue-recall", "samples": {"train": 7, "test": 2}, "steps": 5},
    settings={"learning_rate": 0.125, "time_constants": [1, 8]},
    seeds=(0, 1),
    candidates=({"name": "Sigmoid", "alpha": 4.0}, {"name": "QPseudoSpike", "alpha": 2.0}),
    results=(
        CandidateResult(
            label=NASTY,
            spec={"name": "Sigmoid", "alpha": 4.0},
            scores=Scores(test=(0.75, 0.5), validation=(0.75, 0.75), firing_rate=(0.1, 0.2)),
            curves=Curves(loss=((2.0, 1.0), (1.0, 0.5)), validation=((0.5, 0.75), (0.5, 0.75))),
        ),
    ),
    environment={"python": "3.99", "packages": {"jax": "0.99"}},
)

FLOW = GradientFlow(
    name="model",
    surrogate=None,
    steps=3,
    populations=(
        PopulationFlow(
            name="lif",
            size=10,
            unit="",
            second_moments=np.array([1.0, 0.25, 0.0625]),
            growth=0.5,
            reach=2,
            reached_start=True,
            flat_share=0.25,
            firing_rate=0.1,
            silent_share=0.0,
            saturated_share=0.0,
            scale=1.0,
            distances=Histogram(np.array([-1.0, 0.0, 1.0]), np.array([0.5, 0.5]), np.ones(2), 0.0),
        ),
    ),
    zero_parameter_share=math.nan,
    advice=("Look at lif.",),
)
