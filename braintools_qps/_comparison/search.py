"""Obtains the runs of a comparison, and says what they show, until it is known which is best.

Known runs are read and the others trained. Each seed trains every setting of a candidate in full
and chooses one by its validation score. The test score of that run is reported, so a difference
between candidates includes the variation from tuning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._defaults import CSV_NAME, JSON_NAME
from .._statistics import more_seeds
from .._wording import cause_of
from ..records import CandidateResult, Comparison, with_weights
from .cluster import RUNS_PER_CALL, Trained, trained_by
from .model_checks import check_model
from .plan import Candidate, Plan, Run
from .progress import Progress
from .result import choices, failed, result_of
from .runs import Outcome, Runs
from .train import Trainer, groups_of
from .typing import Values

if TYPE_CHECKING:
    from distributed import Client


@dataclass(eq=False)
class Search:
    """All runs of a comparison that are known by now, and its results so far.

    With ``fresh``, runs on the disk do not count. ``client`` trains, or None for this process.
    """

    comparison: Comparison
    candidates: Mapping[str, Candidate]
    plan: Plan
    store: Runs
    progress: Progress
    client: Client | None
    fresh: bool
    callback: Callable[[Comparison], None] | None
    _outcomes: dict[str, Outcome] = field(default_factory=dict)  # by the keys of runs
    # Keys of runs, by label and seed
    _chosen: dict[tuple[str, int], str] = field(default_factory=dict)
    _failed: dict[str, Exception] = field(default_factory=dict)
    _trainer: Trainer | None = None

    def until_known(self) -> Comparison:
        """Train the seeds of the first look, and more for candidates that are still open."""
        seeds, needed = self.plan.experiment.seeds, {}
        for label, candidate in self.candidates.items():
            try:
                needed[label] = self.plan.runs(candidate, seeds)
            except Exception as error:
                self._failed[label] = error
        self._raise_if_all_failed()
        self._check([run for runs in needed.values() for run in runs])
        for label, fault in self._failed.items():
            self._add(failed(self.candidates[label], fault))
        self._look(needed)
        while "most_seeds" in self.comparison.settings:
            standing, before = self.comparison.standing, len(self.comparison.seeds)
            if standing.settled or standing.next <= before:
                break
            labels = [self.comparison.results[row].label for row in standing.open]
            self.progress.still_open(labels, before, standing.next)
            seeds = more_seeds(self.plan.experiment.seeds, standing.next)
            self.comparison = replace(self.comparison, seeds=seeds)
            self._look({n: self.plan.runs(self.candidates[n], seeds) for n in labels})
        return with_weights(self.comparison, partial(_weights, self.store, self._chosen))

    def _check(self, runs: Sequence[Run]) -> None:
        """Try the model if anything is to be trained; warn of what is wrong with it."""
        missing = self._missing(runs)
        all_missing = len(missing) == len({run.key for run in runs})
        newest = self.store.newest() if all_missing and not self.fresh else None
        if newest and (changes := self.plan.why_not(newest, missing)):
            said = f"None of the runs in out can be used: {', '.join(changes)}."
            warnings.warn(said, stacklevel=4)
        known = () if missing else (self.store.read(run.key) for run in runs)  # one at a time
        notes = check_model(self.plan.experiment) if missing else ()
        notes = (*notes, *(note for saved in known if saved for note in saved.about["notes"]))
        self.comparison = replace(self.comparison, notes=tuple(dict.fromkeys(notes)))
        for note in self.comparison.notes:
            warnings.warn(note, stacklevel=4)
        self.store.make_directory()

    def _look(self, waiting: dict[str, list[Run]]) -> None:
        """Add the results of candidates, by their labels, as their runs come in."""
        missing = self._missing(run for runs in waiting.values() for run in runs)
        self.progress.begin(len(missing))
        for run in missing if self.fresh else ():
            self.store.forget(run.key)
        most = None if self.client is None else RUNS_PER_CALL
        self._conclude_complete(waiting)
        with closing(self._trained([*groups_of(missing, self.store, most)])) as trained:
            for group, outcomes in trained:
                label = group[0].candidate.label
                if isinstance(outcomes, Exception):
                    lost = [run for run in self._missing(missing) if run.candidate.label == label]
                    self.progress.finish(label, len(lost), np.nan)
                    del waiting[label]
                    self._fail(label, outcomes)
                    continue
                for run, outcome in zip(group, outcomes):
                    self._keep(run, outcome)
                losses = [float(outcome.history.loss[-1]) for outcome in outcomes]
                self.progress.finish(label, len(outcomes), float(np.mean(losses)))
                self._conclude_complete(waiting)
        for label in waiting:  # it shares a run with one that failed
            self._fail(label, [*self._failed.values()][-1])

    def _trained(self, groups: Sequence[list[Run]]) -> Generator[Trained, None, None]:
        """Groups with what came of them; those of candidates that have failed are left out."""
        if groups and self.client is not None:
            failed = self._failed.keys()
            return trained_by(self.client, groups, self.plan, failed)
        return self._trained_here(groups)

    def _trained_here(self, groups: Sequence[list[Run]]) -> Generator[Trained, None, None]:
        for group in groups:
            if self._trainer is None:
                self._trainer = Trainer(self.plan.experiment, sum(map(len, groups)))
            label = group[0].candidate.label
            if label in self._failed:
                continue
            advance = partial(self.progress.advance, label)
            outcomes: Sequence[Outcome] | Exception
            try:
                outcomes = self._trainer.train(group, store=self.store, on_epoch=advance)
            except Exception as error:
                outcomes = error
            yield group, outcomes

    def _missing(self, runs: Iterable[Run]) -> list[Run]:
        """The runs that are not known; candidates and settings may come to the same run."""
        missing: dict[str, Run] = {}
        for run in runs:
            if run.key in self._outcomes:
                continue
            if not self.fresh and (known := self.store.outcome(run.key)):
                self._outcomes[run.key] = known._replace(weights={})
                self.progress.known += 1
            else:
                missing.setdefault(run.key, run)
        return list(missing.values())

    def _keep(self, run: Run, outcome: Outcome) -> None:
        about = {"shared": self.plan.shared, "parts": run.parts, "notes": self.comparison.notes}
        self.store.keep(run.key, outcome, about)
        self._outcomes[run.key] = outcome._replace(weights={})

    def _conclude_complete(self, waiting: dict[str, list[Run]]) -> None:
        """Add the results of candidates all of whose runs are known."""
        for label, runs in [*waiting.items()]:
            if any(run.key not in self._outcomes for run in runs):
                continue
            del waiting[label]
            outcomes = [self._outcomes[run.key] for run in runs]
            rows, tuning = choices(runs, outcomes, self.plan.experiment)
            picked = [(runs[row], outcomes[row]) for row in rows]
            self._chosen |= {(label, run.seed): run.key for run, _ in picked}
            self._add(result_of(picked, tuning, self.plan.experiment))

    def _fail(self, label: str, error: Exception) -> None:
        """Make a row of an error."""
        self._failed[label] = error
        self._raise_if_all_failed()
        self._add(failed(self.candidates[label], error))

    def _raise_if_all_failed(self) -> None:
        """Raise what the first candidate did: there is nothing to report beside it."""
        if len(self._failed) == len(self.candidates):
            raise cause_of(next(iter(self._failed.values())))

    def _add(self, result: CandidateResult) -> None:
        """Put a result into the comparison, write JSON and CSV, and tell the callback."""
        results = {each.label: each for each in self.comparison.results} | {result.label: result}
        ordered = tuple(results[label] for label in self.candidates if label in results)
        self.comparison = replace(self.comparison, results=ordered)
        self.store.write_beside(JSON_NAME, self.comparison.to_json(indent=1) + "\n")
        self.store.write_beside(CSV_NAME, self.comparison.to_csv())
        if self.callback is not None:
            self.callback(self.comparison)


def _weights(
    store: Runs, chosen: Mapping[tuple[str, int], str], label: str, seed: int
) -> Values | None:
    """The trained weights of a run; None if its file is gone."""
    run = store.outcome(chosen[label, seed])
    return None if run is None else run.weights
