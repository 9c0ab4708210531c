"""What measurements and comparisons return, as frozen records.

Start with `Record` in `record`, the base of them all: plain values and back, equality, a table.
`flow` has the records of `gradient_flow`, `comparison` those of `compare`.
"""

from .comparison import CandidateResult, Comparison
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
]
