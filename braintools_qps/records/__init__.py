"""What measurements and comparisons return, as frozen records.

Start with `Record` in `record`, the base of them all: plain values and back, equality, a table.
`flow` has the records of `gradient_flow`, `comparison` those of `compare`,
`memory` that of `save_memory`.
"""

from .comparison import CandidateResult, Comparison, Rung, Trial, Tuning
from .flow import (
    Adjustment,
    GradientFlow,
    GradientFlows,
    GradientSensitivity,
    Histogram,
    ParameterSensitivity,
    PathGains,
    Phase,
    PopulationFlow,
    RateAdjustment,
)
from .memory import SavedMemory
from .record import Described, Record, RecordTable

__all__ = [
    "Adjustment",
    "CandidateResult",
    "Comparison",
    "Described",
    "GradientFlow",
    "GradientFlows",
    "GradientSensitivity",
    "Histogram",
    "ParameterSensitivity",
    "PathGains",
    "Phase",
    "PopulationFlow",
    "RateAdjustment",
    "Record",
    "RecordTable",
    "Rung",
    "SavedMemory",
    "Trial",
    "Tuning",
]
