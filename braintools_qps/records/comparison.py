"""The record of a comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

from .._statistics import LEAST_SEEDS, Standing, standing
from .candidate import CandidateResult, check_seeds
from .comparison_csv import Lines, by_epoch, by_seed, by_trial, csv_text
from .comparison_table import comparison_rows, comparison_text
from .comparison_verdict import caption, convergence, ranked, score_of, troubles, verdict
from .record import Record
from .table import Rows

Each = Literal["seeds", "epochs", "trials"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Record):
    """A comparison: a result for each candidate, and all that is needed to repeat it.

    Prints as a table 80 characters wide, the best candidate first, with a verdict below. Test
    scores are means over seeds with 95% confidence intervals; those of accuracies are cut at 0 and
    100%. Differences are from the best, taken seed by seed. Their intervals hold for all pairs of
    candidates together, because the same scores decide which one is the best.

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

    See Also
    --------
    compare : Returns it.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import Comparison, compare
    >>> comparison = compare(["Sigmoid"], epochs=2, seeds=1, tune=None)
    >>> comparison.finished
    True
    >>> len(comparison.results[0].scores.test)  # one for each seed
    1
    >>> Comparison.from_dict(comparison.to_dict()) == comparison
    True
    """

    FORMAT: ClassVar[str] = "braintools_qps.comparison/4"
    _load_weights: ClassVar[Callable[[str, int], Any] | None] = None  # set by `with_weights`

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
                raise ValueError(
                    f"each result needs its spec in candidates, got {result.label} without one. "
                    "Add it"
                )

    @property
    def best(self) -> CandidateResult:
        """The result with the highest mean test score; ``tied`` has others that may be as good.

        The test score decides: validation scores have already chosen the settings. A candidate that
        diverged with one seed or more is never the best.

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
        """The results by mean test score, the highest first; those that failed come last."""
        return tuple(ranked(self.results, self.score)[0])

    @property
    def tied(self) -> tuple[CandidateResult, ...]:
        """The best result, and those within noise of it, the highest first."""
        results, found = ranked(self.results, self.score)
        return tuple(result for result, tied in zip(results, found.tied) if tied) if found else ()

    @property
    def standing(self) -> Standing:
        """Which results are clearly lower than another, and which need more seeds; row by row.

        It follows from the scores and from three settings: ``first_seeds`` and ``most_seeds``, the
        seeds at the first and the last look, and ``margin``, the largest difference that does not
        matter, in points of an accuracy and else in the unit of the score. Without these, there is
        one look at all seeds, and a margin of 1 point or of 1% of the score.
        """
        scores = [
            result.scores.test or (() if result.seeds else (math.nan,)) for result in self.results
        ]
        seeds = max(map(len, scores), default=0)
        most = self.settings.get("most_seeds") or seeds
        first = self.settings.get("first_seeds", LEAST_SEEDS if most > seeds else seeds)
        return standing(scores, margin=self.margin, first=min(first, most), most=most)

    @property
    def margin(self) -> float | None:
        """The largest difference that does not matter, in the unit of the score."""
        form = score_of(self.score, self.results)
        if "margin" not in self.settings:
            return form.difference
        margin = self.settings["margin"]
        return None if margin is None else margin / form.unit.factor

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
        if self._load_weights is None:
            raise ValueError(
                f"weights of {label} are not kept in memory, got a comparison without its "
                "directory. Pass out= to compare, or read the comparison from its directory"
            )
        return self._load_weights(label, seed)

    def with_weights(self, load: Callable[[str, int], Any]) -> Self:
        """Return the same comparison, whose `weights` come from ``load(label, seed)``."""
        copy = replace(self)
        object.__setattr__(copy, "_load_weights", load)
        return copy

    @property
    def finished(self) -> bool:
        """Whether every candidate has a result."""
        return len(self.results) == len(self.candidates)

    @property
    def score(self) -> str:
        """Name of the score."""
        return self.settings.get("score", "accuracy")

    @property
    def verdict(self) -> str:
        """Which candidate is best, which are within noise of it, and how far the others are.

        Empty where fewer than two have results.
        """
        return verdict(self.results, self.score)

    @property
    def convergence(self) -> str:
        """A sentence on whether training was long enough; empty if the losses do not tell.

        A loss, averaged over seeds, is still falling if more than 1% of its whole decrease came in
        the last quarter of the epochs.
        """
        return convergence(self.results, self.settings.get("epochs", 1))

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
        notes = self._notes(wide=wide)
        return comparison_text(self.results, self.score, notes, wide=wide)

    def to_csv(self, rows: Each = "seeds") -> str:
        """Return the results as CSV with a header.

        Numbers have five digits. A label that a spreadsheet would take for a formula gets an
        apostrophe in front.

        Parameters
        ----------
        rows : "seeds", "epochs" or "trials"
            - "seeds": a row for each candidate and seed, with all scores and settings;
            - "epochs": a row for each candidate, seed and epoch, with loss, score and firing rate;
            - "trials": a row for each candidate, tried setting and seed, with its scores and
              whether the seed chose it.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If ``rows`` is anything else.

        Examples
        --------
        >>> from braintools_qps import Comparison
        >>> from braintools_qps.records import CandidateResult, Scores
        >>> spec, scores = {"name": "Sigmoid"}, Scores(test=(0.94, 0.96))
        >>> rate, seeds = {"learning_rate": 0.1}, (0, 1)
        >>> result = CandidateResult("Sigmoid", spec, rate, seeds=seeds, scores=scores)
        >>> comparison = Comparison({}, {"epochs": 60}, seeds, (spec,), (result,))
        >>> header, *rows = comparison.to_csv().splitlines()
        >>> [row.split(",")[:3] for row in rows]
        [['Sigmoid', '0', '0.94'], ['Sigmoid', '1', '0.96']]
        """
        return csv_text(self._lines(rows))

    def to_pandas(self, rows: Each = "seeds") -> Any:
        """Return the rows of `to_csv` as a pandas.DataFrame, with all digits.

        Parameters
        ----------
        rows : "seeds", "epochs" or "trials"
            As for `to_csv`.

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
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_pandas needs pandas, which is not installed. Run pip install pandas, or use "
                "to_csv()"
            ) from error
        return pandas.DataFrame(self._lines(rows))

    def _lines(self, rows: Each) -> Lines:
        if rows == "seeds":
            return by_seed(self.results, self.seeds, self._shared)
        if rows == "epochs":
            return by_epoch(self.results, self.seeds)
        if rows == "trials":
            return by_trial(self.results, self.seeds)
        raise ValueError(
            f"rows must be one of seeds, epochs, trials, got {rows!r}. Pass rows='seeds'"
        )

    @property
    def _shared(self) -> dict[str, Any]:
        """Settings with a single value, options of the model included."""
        options = self.settings.get("options")
        known = {**(options if isinstance(options, Mapping) else {}), **self.settings}
        settings = {n: v for n, v in known.items() if isinstance(v, (str, int, float, bool))}
        return {"task": self.task.get("name"), **settings}

    def _notes(self, *, wide: bool) -> list[str]:
        says = [self.verdict, self.convergence, *self._caption(wide)]
        return [note for note in (*says, *troubles(self.results), *self.notes) if note]

    def _caption(self, wide: bool) -> list[str]:
        own_test_part = bool(self.task.get("has_own_test_part"))
        return caption(self.results, self.settings, own_test_part=own_test_part, wide=wide)

    def _rows(self) -> Rows:
        return comparison_rows(self.results, self.score, wide=True)

    def _below(self) -> Sequence[str]:
        return self._notes(wide=True)

    def _marked(self) -> Sequence[int]:
        tied = {result.label for result in self.tied}
        return [row for row, result in enumerate(self.ranked, 1) if result.label in tied]

    def __repr__(self) -> str:
        return self.table()
