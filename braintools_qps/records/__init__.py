"""What measurements and comparisons return, as frozen records.

`flow` has the records of `gradient_flow`, `comparison` those of `compare`.
"""

from .comparison import CandidateResult, Comparison
from .flow import Adjustment, GradientFlow, Histogram, PopulationFlow

__all__ = [
    "Adjustment",
    "CandidateResult",
    "Comparison",
    "GradientFlow",
    "Histogram",
    "PopulationFlow",
]
