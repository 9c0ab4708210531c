"""Results of measurements and comparisons, as frozen records.

Start with `Record` in `record`, their base class: plain values, equality, a table. `reading` reads
a comparison back from JSON. `flow`, `population`, `operations` and `diagnosis` have the records of
`gradient_flow`; `preparation` those of `prepare`; `comparison` and `candidate` those of `compare`;
`rates` and `memory` those of `normalize_rates` and `save_memory`. The room `_tables` prints them.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for the other rooms

from .candidate import CandidateResult, Cost, Curves, Scores
from .comparison import Comparison, with_weights
from .diagnosis import Diagnosis
from .flow import GradientFlow, GradientFlows
from .learning_trial import LearningTrial
from .memory import SavedMemory
from .operations import Operations, total
from .population import (
    Activity,
    Gradient,
    Histogram,
    PopulationFlow,
    Slopes,
    relative_gradient,
)
from .preparation import Preparation, RelayedPopulation, RelayedWeights
from .rates import NormalizedRate, NormalizedRates
from .record import Record, table_of, to_plain
from .tuning import Trial, Tuning, choose

__all__ = [
    "Activity",
    "CandidateResult",
    "Comparison",
    "Cost",
    "Curves",
    "Diagnosis",
    "Gradient",
    "GradientFlow",
    "GradientFlows",
    "Histogram",
    "LearningTrial",
    "NormalizedRate",
    "NormalizedRates",
    "Operations",
    "PopulationFlow",
    "Preparation",
    "Record",
    "RelayedPopulation",
    "RelayedWeights",
    "SavedMemory",
    "Scores",
    "Slopes",
    "Trial",
    "Tuning",
]
