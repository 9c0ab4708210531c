"""Results of measurements and comparisons, as frozen records.

Start with `Record` in `record`, their base class: plain values, equality, a table. `reading` reads
a comparison back from JSON. `flow`, `population`, `operations` and `diagnosis` have the records of
`gradient_flow`; `preparation` those of `prepare`; `comparison` and `candidate` those of `compare`;
`rates` and `memory` those of `normalize_rates` and `save_memory`.

`candidate` has the plain data of a comparison, and `ranking` which candidate is ahead. Above both
stand `verdict`, `notes`, `comparison_table`, `methods` and `tidy` (CSV and pandas); `comparison`
puts them together. `table` has text and HTML, `flow_table` the table of
`gradient_flow`.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for the other rooms

from . import flow_table  # which registers its tables
from .candidate import CandidateResult, Cost, Curves, Scores
from .columns import score_of, value_text
from .comparison import Comparison, with_weights
from .diagnosis import Diagnosis
from .flow import GradientFlow, GradientFlows
from .learning_trial import LearningTrial
from .memory import SavedMemory
from .methods import versions
from .notes import to_use
from .operations import Operations, total
from .population import Activity, Gradient, PopulationFlow, Slopes
from .preparation import Preparation, RelayedPopulation, RelayedWeights
from .ranking import ranking
from .rates import NormalizedRate, NormalizedRates
from .record import Record, table_of, to_plain
from .table import wrapped
from .tuning import Trial, Tuning, choose, varied_names

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
