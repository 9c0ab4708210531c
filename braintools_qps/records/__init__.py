"""Results of measurements and comparisons, as frozen records.

Start with `Record` in `record`, their base class: to plain values and back, equality, a table.
`causes` is the table of all causes; `flow`, `population` and `diagnosis` have the records of
`gradient_flow`; `comparison` and
`candidate` those of `compare`; `sensitivity`, `rates` and `memory` those of `gradient_sensitivity`,
`normalize_rates` and `save_memory`. `flow_table` and the other `comparison_` files print them.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for the other rooms

from .candidate import BestResult, CandidateResult, Cost, Curves, Scores, Trial, Tuning
from .causes import CAUSES, Cause
from .comparison import Comparison
from .comparison_table import value_text
from .comparison_verdict import edge_note, ranked, score_of
from .diagnosis import Diagnosis
from .flow import FURTHER, GradientFlow, GradientFlows, SpikeFunction, mean_growth
from .limits import (
    CHAOTIC,
    FAR,
    HIGH_SLOPE,
    KEPT,
    MOST,
    NEGATIVE,
    TOO_HIGH,
    UNMOVED,
    UNSTEADY,
)
from .memory import SavedMemory
from .plain import from_plain, to_plain
from .population import (
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
