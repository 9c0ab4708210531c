"""The record that `compare` returns: its data with what they show, as table, text and CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from braintools.surrogate import Surrogate

from .._registry import get_surrogate
from .._statistics import Interval
from .candidate import CandidateResult, ComparisonData
from .comparison_table import comparison_table, comparison_text
from .methods import methods
from .ranking import ranking
from .reading import read_comparison
from .record import table_of
from .tidy import csv_text, tidy_lines
from .verdict import convergence, verdict


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ComparisonData):
    """Result of `compare`: scores of each candidate, and the settings and versions to repeat it.

    ``print`` shows a table 80 characters wide, with the candidate to take in the first row, and
    below it the verdict. Test scores are means over seeds with 95% confidence intervals; those of
    accuracies are cut at 0 and 100%. All pairs of candidates are compared once, seed by seed. A
    candidate without "=" is clearly below another one. This needs five seeds or more.

    Each seed has its own split, initial weights, order of samples and choice of a setting, so the
    intervals include the variation from all four. If the data come with a test part, it is the same
    for all seeds, and its variation is not included.

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
        One `.CandidateResult` for each candidate, in the same order; fewer if the comparison was
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
    >>> len(comparison.results[0].scores.test)  # one for each seed
    1
    >>> Comparison.from_json(comparison.to_json()) == comparison
    True
    """

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the comparison that ``to_json`` wrote.

        Parameters
        ----------
        text : str
            The content of ``comparison.json``.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If another version wrote it in another format, or if the text is damaged.
        """
        return read_comparison(cls, text)

    @property
    def best(self) -> CandidateResult:
        """The candidate to take: it has the highest mean test score.

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
    def possible_loss(self) -> float | None:
        """The most by which another candidate may be better than `best`, with 95% confidence.

        It is the largest upper end of `differences`, in the unit of the score: 0.011 is 1.1 points
        of an accuracy. For an accuracy it is at least the share of one test sample, unless it is
        below 0: then `best` is clearly above all others. It is None with one candidate or with
        fewer than five seeds.
        """
        return ranking(self).possible_loss

    @property
    def ranked(self) -> tuple[CandidateResult, ...]:
        """The results: `best`, then the others by mean test score; those that failed come last."""
        return ranking(self).ranked

    @property
    def tied(self) -> tuple[CandidateResult, ...]:
        """The best result, and all others that are not clearly lower than any other."""
        return ranking(self).tied

    @property
    def differences(self) -> dict[str, Interval]:
        """Mean difference of each candidate from `best` over seeds, and its interval, by label.

        The intervals of all pairs hold together with 95% confidence. The dictionary is empty with
        fewer than five seeds.
        """
        return dict(ranking(self).differences)

    @property
    def best_surrogate(self) -> Surrogate:
        """The surrogate of `best`, with the dampening and other parameters that most seeds chose.

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
        """Number of runs of each candidate that ended at chance level, by label.

        Chance level is the score of the best constant answer, ``settings["guess"]``. A run counts
        if its score is within a tenth of the way from there to the best candidate, or within the
        noise of one score. The dictionary is empty if chance level is not known.
        """
        return dict(ranking(self).collapsed)

    def weights(self, label: str, seed: int) -> Any:
        """Return the trained weights of a candidate, for the model that the factory makes.

        These are the weights after the last epoch, at the setting that this seed chose. The keys
        are the paths of the model's states. To load the weights into a model, initialise its states
        first::

            brainstate.nn.init_all_states(model, batch_size)
            for path, state in brainstate.graph.states(model).items():
                state.value = weights.get(".".join(map(str, path)), state.value)

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
            If the weights were not saved.
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
    def verdict(self) -> str:
        """Sentences on which candidate to take, which are lower and which did not learn.

        While losses still fall, they name no candidate to take, and `convergence` is one of them.
        """
        return "\n".join(verdict(self))

    @property
    def convergence(self) -> str:
        """A sentence that names the losses that were still falling when training ended, or "".

        A mean loss is still falling if over 1% of its decrease came in the last quarter of the
        epochs.
        """
        return convergence(self)

    def methods(self) -> str:
        """Return a paragraph for a methods section.

        It describes data and split, network, optimizer, epochs, the tuned settings and how they
        were chosen, seeds, the statistical test, versions and whom to cite.

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
            Whether to show all columns, or only the most important ones in 80 characters.

        Returns
        -------
        str
        """
        return comparison_text(self, wide=wide)

    def to_csv(self) -> str:
        """Return a summary as CSV: a line for each candidate, the best first.

        Columns are the number of seeds, the mean test score with its interval, the difference from
        the best with its interval, the standing ("first", "not lower", "lower", "did not learn",
        "too few seeds" or "failed"), and the setting that was chosen most often. Numbers have five
        digits.

        Returns
        -------
        str
        """
        return csv_text(tidy_lines(self, "candidates"))

    def to_pandas(self, rows: Literal["candidates", "seeds", "epochs", "trials"] = "seeds") -> Any:
        """Return the numbers as a pandas.DataFrame.

        Parameters
        ----------
        rows : "candidates", "seeds", "epochs" or "trials"
            - "candidates": the rows of `to_csv`;
            - "seeds": a row for each candidate and seed, with all scores and settings;
            - "epochs": a row for each candidate, seed and epoch, with loss, score and firing rate;
            - "trials": a row for each tuned candidate, setting and seed, with its scores and
              whether the seed chose the setting.

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


def with_weights(comparison: Comparison, load: Callable[[str, int], Any]) -> Comparison:
    """The same comparison; ``weights`` come from this function, which has None for lost ones."""
    copy = replace(comparison)
    object.__setattr__(copy, "_load_weights", load)
    return copy


table_of.register(Comparison, comparison_table)
