"""The trainings of candidates, in groups, with their outcomes kept.

`Dispatch` submits the groups of a candidate's runs, keeps their outcomes, and makes a result of
them when all are there. `Here` trains groups in this process, `There` of `executors` in others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np

from ..records import CandidateResult, Comparison, to_plain
from .outcome import Candidate
from .progress import Progress
from .provenance import compared, packages
from .search import Plan, found, job_of
from .storage import Store
from .train import Job, Outcome, Trainer, groups
from .training import Curves, Experiment, Tested

Found = Iterator[tuple[Candidate, CandidateResult | Exception]]


class ExecutorEndedError(RuntimeError):
    """The executor takes no more work: the comparison ends, with what has finished."""

    def __init__(self, reason: BaseException) -> None:
        text = str(reason).rstrip(".") or type(reason).__name__
        super().__init__(
            f"the executor takes no more work ({text}). All that has finished is kept where out= "
            "was given: go on with resume=True"
        )


@dataclass
class Training:
    """All runs of a candidate, with the outcomes that have come in."""

    candidate: Candidate
    job: Job
    outcomes: dict[int, Outcome] = field(default_factory=dict)


@dataclass
class Group:
    """Runs of a candidate that are trained together."""

    training: Training
    numbers: list[int]
    job: Job
    key: str  # all that the outcomes depend on
    with_data: bool = False
    was_sent: bool = False
    is_known: bool = False  # it was trained before


class Trains(Protocol):
    """What trains groups of runs: `Here`, or `There` of `executors`."""

    @property
    def most_runs(self) -> int | None:
        """How many runs a group has at most."""

    def submit(self, group: Group) -> Future:
        """Train a group, now or later."""

    def report(self, group: Group, loss: float) -> None:
        """Tell how far it is, when the outcomes of a group are there."""


class Dispatch:
    """Trains candidates."""

    def __init__(
        self,
        trains: Trains,
        plan: Plan,
        experiment: Experiment,
        comparison: Comparison,
        store: Store | None,
        progress: Progress,
    ) -> None:
        self._trains, self._plan, self._experiment = trains, plan, experiment
        self._store, self._progress = store, progress
        self._depends_on = [compared(comparison.settings), comparison.task, packages()]
        self._trainings: dict[str, Training] = {}  # by label
        self._waiting: dict[Future, Group] = {}
        self._answers: SimpleQueue[Future] = SimpleQueue()
        self._supplied: set[str] = set()  # workers that data have been sent for

    def run(self, candidates: Sequence[Candidate]) -> Found:
        """Train candidates at the same time; yield each when it has finished or failed.

        Raises
        ------
        ExecutorEndedError
            If the executor takes no more work.
        """
        try:
            for candidate in candidates:
                yield from self._start(candidate)
            while self._trainings:
                yield from self._receive(self._answers.get())
        finally:
            for future in list(self._waiting):
                future.cancel()
            while not self._answers.empty():
                with suppress(Exception):  # what failed has been told, or nobody asks any more
                    self._keep(self._answers.get())

    def _start(self, candidate: Candidate) -> Found:
        """Submit a candidate's runs; take what is there already, or has failed already."""
        try:
            job = job_of(candidate, self._plan, self._experiment)
            parts = groups(job, self._experiment, self._trains.most_runs)
        except Exception as error:
            yield candidate, error
            return
        training = self._trainings[candidate.label] = Training(candidate, job)
        for numbers in parts:
            part = job.part(numbers)
            self._send(Group(training, numbers, part, self._key(candidate, part)))
            while not self._answers.empty():  # on the disk before the next group is trained here
                yield from self._receive(self._answers.get())
            if candidate.label not in self._trainings:
                return

    def _send(self, group: Group) -> None:
        known = None if self._store is None else self._store.finished(group.key)
        if known is None:
            future = self._trains.submit(group)
        else:
            group.is_known = True
            future = Future()
            future.set_result(_read(known))
        self._waiting[future] = group
        # Called for a future that is cancelled as well, which `wait` would never count.
        future.add_done_callback(self._answers.put)

    def _receive(self, future: Future) -> Found:
        group = self._waiting[future]
        training, label = group.training, group.training.candidate.label
        try:
            outcomes = self._keep(future)
        except (CancelledError, BrokenExecutor) as error:
            if label in self._trainings:
                raise ExecutorEndedError(error) from error
            return  # it was cancelled here, as another group of the candidate has failed
        except Exception as error:
            if error is self._progress.fault:
                raise
            if self._trainings.pop(label, None):
                for other, its in list(self._waiting.items()):
                    if its.training is training:
                        other.cancel()
                yield training.candidate, error
            return
        if label not in self._trainings:  # another group has failed
            return
        if isinstance(outcomes, str):
            # A worker that has just been sent the data with another group has it by now.
            group.with_data = group.was_sent or outcomes not in self._supplied
            group.was_sent = True
            self._supplied.add(outcomes)
            self._send(group)
            return
        training.outcomes |= zip(group.numbers, outcomes)
        loss = float(np.mean([outcome.curves.loss[-1] for outcome in outcomes]))
        if group.is_known:
            runs = len(outcomes)
            epochs = runs * group.job.epochs
            self._progress.advance(label, epochs, loss, runs=runs, known=True)
        else:
            self._trains.report(group, loss)
        if len(training.outcomes) == len(training.job.runs):
            del self._trainings[label]
            yield self._finish(training)

    def _finish(self, training: Training) -> tuple[Candidate, CandidateResult | Exception]:
        candidate, job = training.candidate, training.job
        outcomes = [training.outcomes[number] for number in range(len(job.runs))]
        try:
            return candidate, found(candidate, job, outcomes, self._plan, self._experiment)
        except Exception as error:
            return candidate, error

    def _keep(self, future: Future) -> list[Outcome] | str:
        """The outcomes, once they are on the disk, or the name of a worker without data."""
        group = self._waiting.pop(future)
        if future.cancelled():
            raise CancelledError("its work was cancelled")
        outcomes = future.result()
        if isinstance(outcomes, BaseException):
            raise outcomes
        is_new = not (group.is_known or isinstance(outcomes, str))
        if self._store is not None and is_new:
            self._store.keep(group.key, _text(outcomes))
        return outcomes

    def _key(self, candidate: Candidate, job: Job) -> str:
        own = [candidate.spec, job.runs, job.epochs]
        text = json.dumps(to_plain([*self._depends_on, *own]), sort_keys=True)
        return sha256(text.encode()).hexdigest()


def _text(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as text for the store."""
    lists = lambda arrays: [np.asarray(array).tolist() for array in arrays]
    return json.dumps([[lists(o.curves), lists(o.tested), *o[2:]] for o in outcomes])


def _read(text: str) -> list[Outcome]:
    """The way back from `_text`."""
    outcomes = []
    for curves, tested, *rest in json.loads(text):
        arrays: Any = map(np.array, curves)
        outcomes.append(Outcome(Curves(*arrays), Tested(*tested), *rest))
    return outcomes


class Here:
    """Trains in this process, on all of its devices."""

    most_runs = None

    def __init__(
        self, experiment: Experiment, plan: Plan, store: Store | None, progress: Progress
    ) -> None:
        self._trainer = Trainer(experiment, plan.runs)
        self._store, self._progress = store, progress

    def submit(self, group: Group) -> Future:
        """Train at once."""
        label = group.training.candidate.label
        future: Future = Future()
        try:
            outcomes = self._trainer.train_group(
                group.job,
                on_compile=lambda: self._progress.compiling(label),
                on_epoch=lambda epochs, loss, known: self._progress.advance(
                    label, epochs, loss, known=known
                ),
                checkpoint=None if self._store is None else self._store.checkpoint(group.key),
            )
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(outcomes)
        return future

    def report(self, group: Group, loss: float) -> None:
        """Count runs that have finished."""
        self._progress.finish(group.training.candidate.label, len(group.job.runs))
