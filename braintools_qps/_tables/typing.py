"""Records that tables are made of, read by their attributes.

`records` imports this room, so that a record can print itself. Nothing here imports `records`.
"""

from typing import Any, TypeAlias

Result: TypeAlias = Any  # a `CandidateResult`
Tuned: TypeAlias = Any  # its `Tuning`
Compared: TypeAlias = Any  # a `Comparison`
Population: TypeAlias = Any  # a `PopulationFlow`
Flow: TypeAlias = Any  # a `GradientFlow`
Flows: TypeAlias = Any  # a `GradientFlows`
