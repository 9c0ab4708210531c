"""The record of a comparison, and who is ahead in it; `_statistics` has the tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, ClassVar, Literal, Self

from braintools.surrogate import Surrogate

from .. import _statistics
from .._registry import get_surrogate
from .._statistics import LEAST_SEEDS, LEVEL, Interval, Look, Standing, looks_at
from .candidate import CandidateResult
from .comparison_table import comparison_table, comparison_text
from .convergence import convergence
from .methods import methods
from .reading import read_comparison
from .record import Record, table_of
from .scores import score_of
from .tidy import csv_text, tidy_lines
from .verdict import verdict

ENOUGH_SEEDS = 40  # more are not proposed
# A score so near to that of guessing may be a guess
STANDARD_ERRORS = 2.0  # of an accuracy
SHARE = 0.05  # of any other score


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Record):
    """A comparison: a result for each candidate, and all that is needed to repeat it.

    Prints as a table 80 characters wide, the best candidate first, with a verdict below. Test
    scores are means over seeds with 95% confidence intervals; those of accuracies are cut at 0 and
    100%. Candidates are compared seed by seed, all pairs together; one without "=" is clearly below
    another. It takes five seeds to tell.

    Each seed has its own split, initial weights, order of samples and choice of a setting, so the
    intervals include the variation from all four. A test part that came with the data is the same
    for all seeds; its variation is not included.

    Attributes
    ----------
    task : dict
        Name of the task, sizes of its parts, steps, features and classes, and a digest of its data.
    settings : dict
        Options of the model and of training, the same for all candidates, and the values to try.
    seeds : tuple of int
        Seeds of the split, the initial weights and the order of the samples.
    candidates : tuple of dict
        Specs of all candidates.
    results : tuple of CandidateResult
        One `.CandidateResult` for each candidate, in their order; fewer if the comparison was
        interrupted.
    environment : dict
        Versions of Python and of the packages, platform and device.
    notes : tuple of str
        Warnings about the model and the data.
    looks : tuple of int
        After how many seeds it was looked at, earlier calls included. A later look only has what
        these have left of the error of 5%.

    See Also
    --------
    compare : Returns it.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import Comparison, compare
    >>> comparison = compare(["Sigmoid"], epochs=2, seeds=1, tune=None)
    >>> len(comparison.results[0].scores.test)  # one for each seed
    1
    >>> Comparison.from_json(comparison.to_json()) == comparison
    True
    """

    FORMAT: ClassVar[str] = "braintools_qps.comparison/4"

    task: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    candidates: tuple[Mapping[str, Any], ...]
    results: tuple[CandidateResult, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the comparison that ``to_json`` wrote.

        Parameters
        ----------
        text : str
            What is in ``comparison.json``.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If another version wrote it in another format, or if it cannot be read and shown.
        """
        return read_comparison(cls, text)

    @property
    def best(self) -> CandidateResult:
        """The result with the highest mean test score; ``tied`` has others that may be as good.

        Validation scores have already chosen the settings. A candidate that diverged with one seed
        or more is never the best.

        Raises
        ------
        ValueError
            If no candidate has finite scores with every seed.
        """
        if not self.tied:
            raise ValueError(
                "the best candidate needs finite scores with every seed, got none of "
                f"{len(self.results)} results with them. Print the comparison for the reasons"
            )
        return self.tied[0]

    @property
    def ranked(self) -> tuple[CandidateResult, ...]:
        """The results, the best first, by mean test score; those that failed come last."""
        best = next(iter(self.tied), None)  # though others that stopped early may be above it
        return tuple(sorted(_by_mean(self.results), key=lambda result: result is not best))

    @property
    def tied(self) -> tuple[CandidateResult, ...]:
        """The best result, and all others that are not clearly lower than any other."""
        each = zip(self.results, self.standing.lower)
        return _by_mean([result for result, is_lower in each if not is_lower])

    @property
    def differences(self) -> dict[str, Interval]:
        """By label, the difference from the best: its mean over seeds, and an interval.

        Intervals hold for all pairs together. There are none with fewer than five seeds.
        """
        labels = [result.label for result in self.results]
        best = labels.index(self.best.label)
        by_row = _statistics.differences(self._test_scores, best, self._looks)
        return dict(zip(labels, by_row))

    @property
    def best_surrogate(self) -> Surrogate:
        """The surrogate of `best` at the setting that most seeds chose; its rate is in that, too.

        Raises
        ------
        ValueError
            If no candidate has finite scores with every seed.

        Examples
        --------
        >>> from braintools_qps import compare
        >>> comparison = compare(["Sigmoid"], epochs=2, seeds=1, tune=None)
        >>> comparison.best_surrogate, comparison.best.setting["learning_rate"]
        (Sigmoid(alpha=4.0), 0.01)
        """
        return get_surrogate(self.best.tuned_spec or self.best.spec)

    @property
    def collapsed(self) -> dict[str, int]:
        """By label, how many runs ended near guessing: all, if a candidate has never learned.

        Guessing is the setting ``guess``, the score of the best constant answer. Near is within a
        tenth of the way from there to the best candidate, or within the noise of one score. It is
        empty where guessing is not known.
        """
        guess = self.settings.get("guess")
        sound = [result for result in self.results if not result.diverged]
        if guess is None or not sound:
            return {}
        noise, samples = SHARE * abs(guess), self.task.get("samples", {}).get("test", 1)
        if self.score == "accuracy":
            noise = STANDARD_ERRORS * math.sqrt(guess * (1 - guess) / samples)
        counts = _statistics.near_guessing([r.scores.test for r in sound], guess, noise)
        return dict(zip((result.label for result in sound), counts))

    @cached_property
    def seeds_needed(self) -> int | None:
        """With how many seeds the next look settles the verdict in 80% of the cases.

        None where it is settled, where scores do not vary, or from 40 seeds on, and where it takes
        more than 160.
        """
        scores = [self._test_scores[row] for row in self.standing.open]
        shared = min(map(len, scores), default=0)
        known = [row[:shared] for row in scores]
        if not LEAST_SEEDS <= shared < ENOUGH_SEEDS or len({*map(tuple, known)}) == 1:
            return None
        return _statistics.seeds_needed(known, self._looks, margin=self.margin)

    @cached_property
    def standing(self) -> Standing:
        """Which results are clearly lower than another, and which need more seeds; row by row.

        It follows from the scores, from ``looks``, and from the setting ``margin`` (in points of an
        accuracy, else in the unit of the score; by default 1 point, or 1% of the score).
        """
        return _statistics.standing(self._test_scores, self._looks, margin=self.margin)

    @property
    def spent(self) -> float:
        """The part of the error that ``looks`` have spent: 0.025 after one at five seeds."""
        return (1 - LEVEL) * sum(look.spent for look in looks_at(self.looks))

    @property
    def margin(self) -> float | None:
        """The largest difference that does not matter, in the unit of the score."""
        score = score_of(self)
        given = self.settings.get("margin", score.difference * score.factor)
        return None if given is None else given / score.factor

    @property
    def _test_scores(self) -> list[Sequence[float]]:
        """Test scores by result; NaN for one that failed."""
        return [(math.nan,) if r.diverged else r.scores.test for r in self.results]

    @property
    def _looks(self) -> tuple[Look, ...]:
        """Looks at the seeds; if none is recorded, at those numbers of them that results have."""
        return looks_at(self.looks or sorted({*map(len, self._test_scores)}))

    def weights(self, label: str, seed: int) -> Any:
        """Return the trained weights of a candidate, for the model that the factory makes.

        They are those after the last epoch, at the setting that this seed chose.

        Parameters
        ----------
        label : str
            Label of the candidate.
        seed : int
            One of its seeds.

        Returns
        -------
        dict
            The values of the model's parameters and of its other states, by their paths.

        Raises
        ------
        KeyError
            If there is no such candidate, or it was not trained with this seed.
        ValueError
            If the weights were not kept.
        """
        seeds = {result.label: result.seeds for result in self.results}
        if seed not in seeds.get(label, ()):
            raise KeyError(
                f"weights need a label and a seed that were trained, got {label!r} and {seed}. "
                f"Trained are {seeds}"
            )
        load = vars(self).get("_load_weights")  # no field: neither compared nor written
        if load is None or (weights := load(label, seed)) is None:
            raise ValueError(
                f"weights of {label} with seed {seed} must be in the comparison that compare "
                "returns, and in its files, got none. Call compare again: it trains nothing that "
                "is in out"
            )
        return weights

    @property
    def score(self) -> str:
        """Name of the score."""
        return self.settings.get("score", "accuracy")

    @property
    def verdict(self) -> str:
        """Which is best, which are equal, or that it is not known yet; empty for one result."""
        return verdict(self)

    @property
    def convergence(self) -> str:
        """Whether training was long enough, in a sentence; empty if the losses do not tell.

        A mean loss still falls if the last quarter of the epochs brought over 1% of its decrease.
        """
        return convergence(self)

    def methods(self) -> str:
        """Return a paragraph for a methods section: what was done, with which versions.

        Data and split, network, optimizer, epochs, what was tuned and how it was chosen, seeds, the
        test and its margin, versions and whom to cite.

        Returns
        -------
        str
        """
        return methods(self)

    def table(self, *, wide: bool = False) -> str:
        """Return the table as text, with its notes.

        Parameters
        ----------
        wide : bool
            Whether to show all columns, instead of the most important ones in 80 characters.

        Returns
        -------
        str
        """
        return comparison_text(self, wide=wide)

    def to_csv(self) -> str:
        """Return a summary as CSV: a line for each candidate, the best first.

        Number of seeds, mean test score with its interval, difference from the best with its
        interval, standing ("best", "equal", "lower", "not known", "too few seeds" or "failed"), and
        the setting that was chosen most often. Numbers have five digits.

        Returns
        -------
        str
        """
        return csv_text(tidy_lines(self, "candidates"))

    def to_latex(self) -> str:
        """Return the lines of `to_csv` as a LaTeX table, written by pandas.

        For other digits or columns, call ``to_latex`` of ``to_pandas("candidates")``.

        Returns
        -------
        str

        Raises
        ------
        ImportError
            If pandas or Jinja2 is not installed.
        """
        frame = self.to_pandas("candidates").dropna(axis="columns", how="all")
        return frame.to_latex(index=False, escape=True, na_rep="", float_format="%.4g")

    def to_pandas(self, rows: Literal["candidates", "seeds", "epochs", "trials"] = "seeds") -> Any:
        """Return the numbers as a pandas.DataFrame.

        Parameters
        ----------
        rows : "candidates", "seeds", "epochs" or "trials"
            - "candidates": the rows of `to_csv`;
            - "seeds": a row for each candidate and seed, with all scores and settings;
            - "epochs": a row for each candidate, seed and epoch, with loss, score and firing rate;
            - "trials": a row for each candidate that was tuned, tried setting and seed, with its
              scores and whether the seed chose it.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If ``rows`` is anything else.
        """
        import pandas

        return pandas.DataFrame(tidy_lines(self, rows))

    def __repr__(self) -> str:
        return self.table()


def looked(comparison: Comparison, seeds: tuple[int, ...]) -> Comparison:
    """The same comparison with these seeds, and the look at them."""
    looks = looks_at((*comparison.looks, len(seeds)))
    return replace(comparison, seeds=seeds, looks=tuple(look.seeds for look in looks))


def with_weights(comparison: Comparison, load: Callable[[str, int], Any]) -> Comparison:
    """The same comparison; ``weights`` come from this function, which has None for lost ones."""
    copy = replace(comparison)
    object.__setattr__(copy, "_load_weights", load)
    return copy


def _by_mean(results: Sequence[CandidateResult]) -> tuple[CandidateResult, ...]:
    """The best first; those that failed come last."""
    return tuple(sorted(results, key=lambda r: (r.diverged, -fmean(r.scores.test or (0.0,)))))


table_of.register(Comparison, comparison_table)
