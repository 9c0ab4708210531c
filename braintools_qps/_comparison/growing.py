"""A comparison that grows: missing runs are trained, and more seeds until the best is known."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from .._defaults import CSV_ROWS, JSON_NAME
from ..records import CandidateResult, Comparison
from .experiment import Experiment, Setting
from .factory import cause_of
from .model_checks import check_model
from .outcome import weights_of
from .packing import write_whole
from .plan import Candidate, Run
from .progress import Progress
from .result import failed
from .runs import Runs
from .search import Search
from .tune import settings_of


class Growing:
    """The results so far, and the candidates that need more seeds."""

    def __init__(
        self,
        comparison: Comparison,
        candidates: Sequence[Candidate],
        experiment: Experiment,
        search: Search,
        progress: Progress,
        store: Runs,
    ) -> None:
        self._comparison, self._experiment = comparison, experiment
        self._candidates = {candidate.label: candidate for candidate in candidates}
        self._search, self._progress, self._store = search, progress, store
        self._settings: dict[str, list[Setting]] = {}
        self._errors: list[Exception] = []

    def until_known(self) -> Comparison:
        """Train the seeds of the first look, and more for those that are still open."""
        self._first_look()
        while "most_seeds" in self._comparison.settings:
            standing, before = self._comparison.standing, len(self._comparison.seeds)
            if standing.settled or standing.next <= before:
                break
            labels = [self._comparison.results[row].label for row in standing.open]
            self._progress.still_open(labels, before, standing.next)
            self._train(labels, first_seeds(self._experiment.seeds, standing.next))
        return self._comparison.with_weights(partial(_weights, self._store, self._search.chosen))

    def _first_look(self) -> None:
        for candidate in self._candidates.values():
            try:
                settings = settings_of(candidate.surrogate, self._experiment)
                self._search.runs(candidate, settings, self._experiment.seeds)  # or an error
                self._settings[candidate.label] = settings
            except Exception as error:
                self._add(candidate, error)
        seeds = self._experiment.seeds
        runs = [run for each in self._runs(self._settings, seeds).values() for run in each]
        missing = self._search.missing(runs)
        all_missing = len(missing) == len({run.key for run in runs})
        if missing and all_missing and (change := self._search.difference()):
            warnings.warn(f"None of the runs in out can be used: {change}.", stacklevel=4)
        if missing:
            self._search.notes = check_model(self._experiment)
        notes = tuple(dict.fromkeys(self._search.notes))
        for note in notes:
            warnings.warn(note, stacklevel=4)
        self._comparison = dataclasses.replace(self._comparison, notes=notes)
        self._train(self._settings, seeds)

    def _runs(self, labels: Iterable[str], seeds: Sequence[int]) -> dict[str, list[Run]]:
        return {
            label: self._search.runs(self._candidates[label], self._settings[label], seeds)
            for label in labels
        }

    def _train(self, labels: Iterable[str], seeds: Sequence[int]) -> None:
        self._comparison = dataclasses.replace(self._comparison, seeds=tuple(seeds))
        with closing(self._search.results(self._runs(labels, seeds))) as results:
            for candidate, result in results:
                self._add(candidate, result)

    def _add(self, candidate: Candidate, result: CandidateResult | Exception) -> None:
        """Put a result into the comparison and save it; an error becomes a row.

        Raises
        ------
        Exception
            If all candidates have failed, what the first did: there is nothing to report beside it.
        """
        if isinstance(result, Exception):
            self._errors.append(result)
            result = failed(candidate, result)
        results = {each.label: each for each in self._comparison.results} | {result.label: result}
        ordered = tuple(results[label] for label in self._candidates if label in results)
        self._comparison = dataclasses.replace(self._comparison, results=ordered)
        if len(self._errors) == len(self._candidates):
            raise cause_of(self._errors[0])
        save(self._comparison, self._store)
        self._progress.end(self._comparison, result)


def first_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """The seeds that were given, and the integers after the largest of them."""
    more = range(max(seeds) + 1, max(seeds) + 1 + count - len(seeds))
    return (*seeds, *more)


def save(comparison: Comparison, store: Runs) -> None:
    """Write JSON and CSV, each whole or not at all."""
    if store.directory is None:
        return
    texts = {JSON_NAME: comparison.to_json(indent=1) + "\n"}
    texts |= {name: comparison.to_csv(rows) for name, rows in CSV_ROWS.items()}
    try:
        for name, text in texts.items():
            write_whole(store.directory / name, text.encode())
    except OSError as error:
        warnings.warn(
            f"results could not be written to {store.directory} ({error}). They are in the "
            "Comparison that compare returns: write its to_json() to a file",
            stacklevel=4,
        )


def _weights(store: Runs, chosen: Mapping[tuple[str, int], str], label: str, seed: int) -> Any:
    """The trained weights of a run.

    Raises
    ------
    LookupError
        If its file is gone.
    """
    run = store.read(chosen[label, seed])
    if run is None:
        raise LookupError(
            f"the weights of {label} with seed {seed} must be in {store.directory}/runs, got no "
            "such file. Call compare again with the same arguments"
        )
    return weights_of(run)
