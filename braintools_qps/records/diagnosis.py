"""Why a network does not learn, as `gradient_flow` found it."""

from __future__ import annotations

from dataclasses import dataclass

from .record import Record

CAUSES = (
    "not finite", "disconnected", "silent", "saturated", "out of reach", "too high", "fading",
    "exploding", "direction lost", "none",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Diagnosis(Record):
    """The first cause that keeps a network from learning, and what to do about it.

    Attributes
    ----------
    cause : str
        ``"not finite"``, ``"disconnected"``, ``"silent"``, ``"saturated"``, ``"out of reach"``,
        ``"too high"``, ``"fading"``, ``"exploding"``, ``"direction lost"`` or ``"none"``.
    population : str or None
        The path of the first population that has it; None where it is in none, or there is no
        cause.
    text : str
        The cause in one sentence, with its consequences.
    remedy : str or None
        What to change and by how much; None where nothing that was tried on the model helps.
    """

    cause: str
    population: str | None
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}" if self.remedy else self.text
