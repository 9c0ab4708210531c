"""What a comparison found, as a frozen record."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .candidate import CandidateResult, check_seeds
from .comparison_table import caption, comparison_rows, verdict
from .record import Record
from .table import Rows, text_table

LINE = 100  # characters


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Record):
    """What `compare` returns: a result for each candidate, and all that is needed to repeat it.

    Printed, it is a table with a caption. It shows means with 95% confidence intervals over seeds,
    and differences from the highest mean, paired by seed, whose intervals hold for all candidates
    together. The choice of a setting, the split and the test part are the same for all seeds, so
    that what they add to the noise is in none of these intervals.

    Attributes
    ----------
    task : dict
        Name of the task, sizes of its parts, steps, features and classes, and a digest of its data.
    settings : dict
        Options of the model and of training, the same for all candidates, and what was tuned.
    seeds : tuple of int
        Of the initial weights and the order of the samples.
    candidates : tuple of dict
        The specs of all candidates that were asked for.
    results : tuple of CandidateResult
        In that order, each a `.CandidateResult`; fewer than ``candidates`` if the comparison was
        interrupted.
    environment : dict
        Versions of Python and of the packages, platform and device.
    notes : tuple of str
        What to know about the model and the data before believing the table.

    See Also
    --------
    compare : What makes it.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import Comparison, compare
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> comparison.finished
    True
    >>> len(comparison.results[0].scores.test)  # one for each seed
    1
    >>> Comparison.from_dict(comparison.to_dict()) == comparison
    True
    """

    FORMAT: ClassVar[str] = "braintools_qps.comparison/3"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for result in self.results:
            check_seeds(result, self.seeds)
            if result.spec not in self.candidates:
                raise ValueError(f"{result.label} has a result and is no candidate")

    @property
    def best(self) -> CandidateResult:
        """The result with the highest mean validation score: the test part makes no choices.

        Whether others can be told from it is another question, which the table answers. A candidate
        that diverged with one seed or more is never the best.

        Raises
        ------
        ValueError
            If there is none.
        """
        sound = [result for result in self.results if not result.diverged]
        if not sound:
            raise ValueError(
                f"nothing has finished with finite scores, of {len(self.results)} results, so "
                "there is no best one"
            )
        return max(sound, key=lambda result: np.mean(result.scores.validation))

    @property
    def finished(self) -> bool:
        """Whether every candidate has a result."""
        return len(self.results) == len(self.candidates)

    @property
    def score(self) -> str:
        """What the score is called."""
        return self.settings.get("score", "accuracy")

    @property
    def verdict(self) -> str:
        """Which candidates cannot be told from the best, and how many seeds would tell more.

        Empty where fewer than two have results.
        """
        return verdict(self.results, self.score)

    def _rows(self) -> Rows:
        return comparison_rows(self.results, self.score)

    def _below(self) -> Sequence[str]:
        return [*caption(self.results, self.settings), *self.notes]

    def __repr__(self) -> str:
        lines = [line for note in self._below() for line in textwrap.wrap(note, LINE)]
        return "\n".join([text_table(self._rows()), *lines])
