"""What measurements and comparisons return, as frozen records.

`flow` has the records of `gradient_flow`, `comparison` those of `compare`, `memory` that of
`save_memory`.
"""

from .comparison import CandidateResult, Comparison
from .flow import Adjustment, GradientFlow, Histogram, PopulationFlow
from .memory import SavedMemory

__all__ = [
    "Adjustment",
    "CandidateResult",
    "Comparison",
    "GradientFlow",
    "Histogram",
    "PopulationFlow",
    "SavedMemory",
]
