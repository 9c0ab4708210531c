"""The plain data of a comparison, on which its ranking, table and verdict stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .candidate import CandidateResult
from .record import Record


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonData(Record):
    """What was compared, with which settings, and the results; `Comparison` explains the fields."""

    FORMAT: ClassVar[str] = "braintools_qps.comparison/4"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> str:
        """Name of the score."""
        return self.settings.get("score", "accuracy")
