"""Obtains runs: those that are known from the disk, the others by training.

Each seed trains every setting of a candidate in full and chooses one by its validation score. The
test score of that run is reported, so that a difference between candidates contains the luck of
tuning.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from ..records import CandidateResult, Trial, Tuning, choose
from .cluster import RUNS_PER_CALL, trained_by
from .experiment import Experiment, Setting
from .model_checks import check_finite
from .outcome import Outcome, outcome_of, saved
from .plan import Candidate, Plan, Run, difference
from .progress import Progress
from .result import result_of
from .runs import STATE, Runs
from .train import Trainer, groups_of

if TYPE_CHECKING:
    from distributed import Client

MOST_READ = 50  # files, to find out why none could be used


class Search:
    """All runs of a comparison that are known by now.

    With ``fresh``, those on the disk do not count. ``client`` trains, or None for this process.
    """

    def __init__(
        self,
        experiment: Experiment,
        store: Runs,
        progress: Progress,
        client: Client | None,
        *,
        fresh: bool,
    ) -> None:
        self._plan, self._experiment = Plan(experiment), experiment
        self._store, self._progress, self._client = store, progress, client
        self._fresh = fresh
        self._outcomes: dict[str, Outcome] = {}
        self._trainer: Trainer | None = None
        self.notes: tuple[str, ...] = ()  # of the checks before training
        self.chosen: dict[tuple[str, int], str] = {}  # keys of runs, by label and seed

    def runs(
        self, candidate: Candidate, settings: Sequence[Setting], seeds: Sequence[int]
    ) -> list[Run]:
        """Every setting of a candidate with every seed, seed by seed."""
        return self._plan.runs(candidate, settings, seeds)

    def missing(self, runs: Iterable[Run]) -> list[Run]:
        """The runs that are not known; of two settings that come to the same, the last."""
        return list({run.key: run for run in runs if not self._is_known(run)}.values())

    def difference(self) -> str:
        """Why runs on the disk cannot be used; empty if some could be, or if there are none."""
        changes: list[str] = []
        if self._fresh:
            return ""
        for about in islice(self._store.others(), MOST_READ):
            now = difference(about["shared"], self._plan.shared)
            if not now:
                return ""
            changes = changes or now
        return ", ".join(changes)

    def results(
        self, needed: Mapping[str, Sequence[Run]]
    ) -> Generator[tuple[Candidate, CandidateResult | Exception], None, None]:
        """The result of each candidate, given its runs, as it comes in; or its error."""
        missing = {label: self.missing(runs) for label, runs in needed.items()}
        if self._fresh:
            for run in chain.from_iterable(missing.values()):
                self._store.forget(run.key + STATE)
        for label, runs in missing.items():
            self._progress.begin(label, len(runs))
            if not runs:
                yield self._result(needed[label])
        failed: set[str] = set()
        groups = (group for runs in missing.values() for group in self._groups(runs))
        for group, outcomes in self._trained(list(groups), failed):
            candidate = group[0].candidate
            if isinstance(outcomes, Exception):
                failed.add(candidate.label)
                yield candidate, outcomes
                continue
            for run, outcome in zip(group, outcomes):
                self._keep(run, outcome)
            last = [float(outcome.curves.loss[-1]) for outcome in outcomes]
            loss = float(np.mean(last)) if last else math.nan
            self._progress.finish(candidate.label, len(group), loss)
            if not self.missing(needed[candidate.label]):
                yield self._result(needed[candidate.label])

    def _groups(self, runs: Sequence[Run]) -> Iterable[list[Run]]:
        most = None if self._client is None else RUNS_PER_CALL
        return groups_of(runs, self._experiment, self._store, most)

    def _trained(
        self, groups: Sequence[list[Run]], failed: set[str]
    ) -> Iterator[tuple[list[Run], Sequence[Outcome] | Exception]]:
        """Groups with their outcomes; those of candidates that have failed are left out."""
        if not groups:
            return
        if self._client is not None:
            yield from trained_by(self._client, groups, self._experiment, self._plan, failed)
            return
        if self._trainer is None:
            self._trainer = Trainer(self._experiment, sum(map(len, groups)))
        for group in groups:
            label = group[0].candidate.label
            if label in failed:
                continue
            # Another process, or another candidate at the same numbers, may have trained some.
            if not (rest := self.missing(group)):
                yield group, []
                continue
            try:
                outcomes = self._trainer.train(
                    rest,
                    store=self._store,
                    on_compile=partial(self._progress.compiling, label),
                    on_epoch=partial(self._progress.advance, label),
                )
            except Exception as error:
                if error is self._progress.fault:
                    raise
                yield group, error
            else:
                yield rest, outcomes

    def _is_known(self, run: Run) -> bool:
        if run.key in self._outcomes or self._fresh:
            return run.key in self._outcomes
        if known := self._store.read(run.key):
            self._outcomes[run.key] = outcome_of(known)
            self.notes = tuple(dict.fromkeys((*self.notes, *known.about["notes"])))
        return known is not None

    def _keep(self, run: Run, outcome: Outcome) -> None:
        about, arrays = saved(outcome)
        about |= {"shared": self._plan.shared, **run.parts, "notes": self.notes}
        self._store.write(run.key, about, arrays)
        self._store.forget(run.key + STATE)
        self._outcomes[run.key] = outcome._replace(weights={})

    def _result(self, runs: Sequence[Run]) -> tuple[Candidate, CandidateResult | Exception]:
        outcomes = [self._outcomes[run.key] for run in runs]
        try:
            return runs[0].candidate, self._chosen(runs, outcomes)
        except Exception as error:
            return runs[0].candidate, error

    def _chosen(self, runs: Sequence[Run], outcomes: Sequence[Outcome]) -> CandidateResult:
        """The record of a candidate, from the runs with the best last validation scores."""
        experiment = self._experiment
        if not any(np.isfinite(outcome.curves.score).any() for outcome in outcomes):
            check_finite(experiment.at(runs[0].setting))  # raises if the model is at fault
        count = len(experiment.settings)
        settings = [run.setting for run in runs[:count]]
        by_seed = [outcomes[start : start + count] for start in range(0, len(outcomes), count)]
        last = [[float(outcome.curves.score[-1]) for outcome in of_seed] for of_seed in by_seed]
        numbers = tuple(choose(settings, scores) for scores in last)
        trials = tuple(_trial(*pair) for pair in zip(settings, zip(*by_seed)))
        tuning = Tuning(trials, numbers) if experiment.tune else None
        setting = settings[Counter(numbers).most_common(1)[0][0]]  # the first, of equals
        rows = [seed * count + number for seed, number in enumerate(numbers)]
        picked = [runs[row] for row in rows]
        self.chosen |= {(run.candidate.label, run.seed): run.key for run in picked}
        return result_of(picked, setting, [outcomes[row] for row in rows], tuning, experiment)


def _trial(setting: Setting, outcomes: Sequence[Outcome]) -> Trial:
    numbers = lambda values: tuple(map(float, values))
    return Trial(
        setting,
        validation=numbers(outcome.curves.score[-1] for outcome in outcomes),
        test=numbers(outcome.tested.score for outcome in outcomes),
        loss=numbers(outcome.curves.loss[-1] for outcome in outcomes),
    )
