"""Obtains the runs of a comparison, and records what they show.

Known runs are read and the others trained. Each seed trains every setting of a candidate in full
and chooses one by its validation score. The test score of that run is reported, so a difference
between candidates includes the variation from tuning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from .._defaults import CSV_NAME, JSON_NAME
from .._wording import cause_of, listed, plural
from ..records import CandidateResult, Comparison, with_weights
from .cluster import RUNS_PER_CALL, Trained, trained_by
from .devices import present_devices
from .experiment import Experiment
from .kept import Kept
from .model_checks import check_model
from .plan import Candidate, Run, runs_of
from .progress import Progress
from .result import choices, failed, result_of
from .runs import Outcome, Runs
from .train import Trainer, groups_of, probed
from .tune import settings_of
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
    experiment: Experiment
    store: Runs
    progress: Progress
    client: Client | None
    fresh: bool
    callback: Callable[[Comparison], None] | None
    _chosen: dict[tuple[str, int], Outcome] = field(default_factory=dict)  # by label and seed
    _failed: dict[str, Exception] = field(default_factory=dict)
    _waiting: dict[str, list[Run]] = field(default_factory=dict)  # by label, until all are known

    def __post_init__(self) -> None:
        self._kept = Kept(self.store, self.fresh)

    def whole(self) -> Comparison:
        """Train all candidates with all seeds."""
        self._waiting = self._planned()
        for text in self._kept.find(run for runs in self._waiting.values() for run in runs):
            warnings.warn(text, stacklevel=3)
        missing = self._missing()
        self._check(missing)
        for label, fault in self._failed.items():
            self._add(failed(self.candidates[label], fault))
        self._obtain(missing)
        return with_weights(self.comparison, partial(_weights, self.store, self._chosen))

    def _planned(self) -> dict[str, list[Run]]:
        """The runs of the candidates by label; those that cannot be probed fail."""
        experiment, settings = self.experiment, []
        with suppress(Exception):  # of one candidate, which fails below
            settings = settings_of([c.surrogate for c in self.candidates.values()], experiment)
        runs, trainer = {}, Trainer.of_probes(experiment)
        for (label, candidate), known in zip_longest(self.candidates.items(), settings):
            try:
                its_settings = known or settings_of([candidate.surrogate], experiment)[0]
                runs[label] = probed(runs_of(candidate, its_settings, experiment), trainer)
            except Exception as error:
                self._failed[label] = error
        if not runs:
            check_model(experiment)  # which raises with the fix, if it knows one
        self._raise_if_all_failed()
        return runs

    def _check(self, missing: Sequence[Run]) -> None:
        """Check the model if anything is to be trained; warn of what is wrong with it."""
        self.progress.say(self._announced(missing))
        known = dict.fromkeys(n for outcome in self._kept.outcomes.values() for n in outcome.notes)
        notes = check_model(self.experiment) if missing else tuple(known)
        self.comparison = replace(self.comparison, notes=notes)
        for note in notes:
            warnings.warn(note, stacklevel=4)
        if missing:
            self.store.make_directory()

    def _announced(self, missing: Sequence[Run]) -> str:
        """What is about to be trained, in one line."""
        experiment, runs = self.experiment, sum(map(len, self._waiting.values()))
        line = (
            f"{plural(len(self._waiting), 'surrogate')} x "
            f"{plural(len(experiment.settings), 'setting')} x "
            f"{plural(len(experiment.seeds), 'seed')}: {plural(runs, 'run')}"
        )
        if self.store.directory is None:
            return f"{line}. Results are not saved: pass out= to save them"
        begun = () if self.fresh else (run for run in missing if self.store.has_checkpoint(run.key))
        counts = {"finished run": self._kept.from_before, "checkpoint": sum(1 for _ in begun)}
        found = listed((plural(count, what) for what, count in counts.items() if count), last="and")
        return f"{line}. Found in {self.store.place}: {found}" if any(counts.values()) else line

    def _obtain(self, missing: Sequence[Run]) -> None:
        """Train runs, and add the result of each candidate once all its runs are known."""
        self.progress.known = self._kept.from_before
        self.progress.begin(len(missing))
        for run in missing if self.fresh else ():
            self.store.forget(run.key)
        self._conclude_complete()
        with closing(self._trained(missing)) as trained:
            for group, outcomes in trained:
                if isinstance(outcomes, Exception):
                    self._fail(group, outcomes)
                else:
                    self._keep(group, outcomes)
                    self._conclude_complete()

    def _trained(self, runs: Sequence[Run]) -> Generator[Trained, None, None]:
        """Groups with what came of them, but for those that no waiting candidate needs."""
        experiment = self.experiment
        if not runs:
            return
        if self.client is not None:
            groups = [*groups_of(runs, self.store, RUNS_PER_CALL)]
            yield from trained_by(self.client, groups, experiment, self._is_needed)
            return
        trainer = Trainer(experiment, present_devices().width(len(runs)))
        for group in filter(self._is_needed, groups_of(runs, self.store)):
            advance = partial(self.progress.advance, group[0].candidate.label)
            outcomes: Sequence[Outcome] | Exception
            try:
                outcomes = trainer.train(group, store=self.store, on_epoch=advance)
            except Exception as error:
                outcomes = error
            yield group, outcomes

    def _is_needed(self, group: Sequence[Run]) -> bool:
        """Whether a candidate waits for one of these runs; others have failed."""
        return not {run.key for run in self._missing()}.isdisjoint(run.key for run in group)

    def _keep(self, group: Sequence[Run], outcomes: Sequence[Outcome]) -> None:
        """Keep runs that have just been trained."""
        for run, outcome in zip(group, outcomes):
            self._kept.add(run, outcome, self.comparison.notes)
        losses = [float(outcome.history.loss[-1]) for outcome in outcomes]
        self.progress.finish(group[0].candidate.label, len(outcomes), float(np.mean(losses)))

    def _fail(self, group: Sequence[Run], error: Exception) -> None:
        """Give up the candidates that need one of these runs, and what only they need."""
        keys, missing = {run.key for run in group}, len(self._missing())
        for label, runs in [*self._waiting.items()]:
            if any(run.key in keys for run in runs):
                del self._waiting[label]
                self._failed[label] = error
                self._raise_if_all_failed()
                self._add(failed(self.candidates[label], error))
        lost = missing - len(self._missing())
        self.progress.finish(group[0].candidate.label, lost, np.nan)

    def _missing(self) -> list[Run]:
        """The runs that are not known; candidates and settings may come to the same run."""
        runs = (run for runs in self._waiting.values() for run in runs)
        return [*{run.key: run for run in runs if run.key not in self._kept.outcomes}.values()]

    def _conclude_complete(self) -> None:
        """Add the results of candidates all of whose runs are known."""
        for label, runs in [*self._waiting.items()]:
            if any(run.key not in self._kept.outcomes for run in runs):
                continue
            del self._waiting[label]
            outcomes = [self._kept.outcomes[run.key] for run in runs]
            rows, tuning = choices(runs, outcomes, self.experiment)
            picked = [(runs[row], outcomes[row]) for row in rows]
            self._chosen |= {(label, run.seed): outcome for run, outcome in picked}
            self._add(result_of(picked, tuning, self.experiment))

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
    store: Runs, chosen: Mapping[tuple[str, int], Outcome], label: str, seed: int
) -> Values | None:
    """The trained weights of a run; None if its file is gone."""
    run = chosen[label, seed]
    saved = run if run.weights else store.outcome(run.name)
    return None if saved is None else saved.weights
