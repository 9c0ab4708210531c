"""What measurements and comparisons return, as frozen records.

Start with `Record` in `record`, the base of them all: plain values and back, equality, a table.
`flow` has the records of `gradient_flow`, made of those in `population` and `adjustment`;
`sensitivity` has those of `gradient_sensitivity`, `comparison` that of `compare`, made of those in
`candidate`, `memory` that of `save_memory`. Their tables are beside them.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for the other rooms

from .adjustment import Adjustment, RateAdjustment
from .candidate import BestResult, CandidateResult, Cost, Curves, Rung, Scores, Trial, Tuning
from .comparison import Comparison
from .comparison_table import value_text
from .comparison_verdict import ranked, score_of
from .flow import HIGH_SLOPE, GradientFlow, GradientFlows, mean_growth
from .memory import SavedMemory
from .plain import from_plain, to_plain
from .population import Histogram, PathGains, Phase, PopulationFlow, relative_gradient
from .rates import NormalizedRate, NormalizedRates
from .record import Described, Record, RecordTable
from .sensitivity import GradientSensitivity, ParameterSensitivity
from .table import cell, html_table, text_table

__all__ = [
    "Adjustment",
    "BestResult",
    "CandidateResult",
    "Comparison",
    "Cost",
    "Curves",
    "Described",
    "GradientFlow",
    "GradientFlows",
    "GradientSensitivity",
    "Histogram",
    "NormalizedRate",
    "NormalizedRates",
    "ParameterSensitivity",
    "PathGains",
    "Phase",
    "PopulationFlow",
    "RateAdjustment",
    "Record",
    "RecordTable",
    "Rung",
    "SavedMemory",
    "Scores",
    "Trial",
    "Tuning",
]
