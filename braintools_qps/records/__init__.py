"""What measurements and comparisons return, as frozen records.

Start with `Record` in `record`, the base of them all: plain values and back, equality, a table.
`flow` has the records of `gradient_flow`, made of those in `population` and `adjustment`;
`sensitivity` has those of `gradient_sensitivity`, `comparison` those of `compare`, `memory` that of
`save_memory`. Their tables are beside them.
"""

from .adjustment import Adjustment, RateAdjustment
from .comparison import CandidateResult, Comparison, Rung, Trial, Tuning
from .flow import GradientFlow, GradientFlows
from .memory import SavedMemory
from .population import Histogram, PathGains, Phase, PopulationFlow
from .record import Described, Record, RecordTable
from .sensitivity import GradientSensitivity, ParameterSensitivity

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
