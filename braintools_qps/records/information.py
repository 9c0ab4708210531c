"""The record of how much the inputs tell of the labels."""

from __future__ import annotations

from dataclasses import dataclass

from .record import Record


@dataclass(frozen=True, eq=False)
class Information(Record):
    """How much a linear readout of the inputs tells of the labels, to compare populations with.

    Attributes
    ----------
    kind : str
        ``"classes"``, where scores are accuracies, or ``"numbers"``, where they are R squared.
    inputs : float
        The score of a ridge regression on the mean input over time, on samples not used to fit it.
    chance : float
        The share of the most frequent class; 0 for numbers.
    samples : int
        Number of samples.

    Examples
    --------
    >>> from braintools_qps.records import Information
    >>> print(Information("classes", inputs=0.95, chance=0.1, samples=256).sentence())
    Inputs tell 95% of the classes, and chance 10%.
    """

    kind: str
    inputs: float
    chance: float
    samples: int

    def sentence(self) -> str:
        """Return what the inputs tell, in words.

        Returns
        -------
        str
        """
        if self.kind == "numbers":
            return f"Inputs tell {self.inputs:.0%} of the variance of the labels."
        return f"Inputs tell {self.inputs:.0%} of the classes, and chance {self.chance:.0%}."
