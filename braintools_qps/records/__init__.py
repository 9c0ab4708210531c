"""What measurements and comparisons return, as frozen records.

Start with `Record` in `record`, the base of them all: plain values and back, equality, a table.
`flow` has the records of `gradient_flow`, made of those in `population` and `diagnosis`;
`sensitivity` has those of `gradient_sensitivity`, `comparison` that of `compare`, made of those in
`candidate`, `memory` that of `save_memory`. Their tables are beside them.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for the other rooms

from .candidate import BestResult, CandidateResult, Cost, Curves, Scores, Trial, Tuning
from .comparison import Comparison
from .comparison_table import value_text
from .comparison_verdict import ranked, score_of
from .diagnosis import CAUSES, Diagnosis
from .flow import GradientFlow, GradientFlows, SpikeFunction, mean_growth
from .memory import SavedMemory
from .plain import from_plain, to_plain
from .population import (
    FAR,
    FLIPPED,
    HIGH_SLOPE,
    MOST,
    TOO_HIGH,
    Activity,
    Gradient,
    Histogram,
    PathGains,
    PopulationFlow,
    Slopes,
    relative_gradient,
)
from .rates import NormalizedRate, NormalizedRates
from .record import Described, Record, RecordTable
from .sensitivity import GradientSensitivity, ParameterSensitivity
from .table import cell, html_table, text_table

__all__ = [
    "Activity",
    "BestResult",
    "CandidateResult",
    "Comparison",
    "Cost",
    "Curves",
    "Described",
    "Diagnosis",
    "Gradient",
    "GradientFlow",
    "GradientFlows",
    "GradientSensitivity",
    "Histogram",
    "NormalizedRate",
    "NormalizedRates",
    "ParameterSensitivity",
    "PathGains",
    "PopulationFlow",
    "Record",
    "RecordTable",
    "SavedMemory",
    "Scores",
    "Slopes",
    "Trial",
    "Tuning",
]
