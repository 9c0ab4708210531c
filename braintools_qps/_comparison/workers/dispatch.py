"""Candidates one after the other in this process, or all at once on the workers of an executor."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from ...records import CandidateResult
from ..candidate import Candidate, Plan, result_of
from ..programs import Gone, OnEpochs, Programs, Runner
from ..progress import OnEpoch, Progress
from .remote import RemotePrograms, Workplace

CANDIDATES_AT_ONCE = 64  # each is a thread that waits for its answers

Found = Generator[tuple[Candidate, CandidateResult | Exception], None, None]
Events = SimpleQueue[tuple[Candidate, Any, float]]  # epochs done, a result or an error; a loss


class InThisProcess:
    """One candidate after the other, by the compiled programs of this process."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.close, self.give_up = programs.close, programs.give_up

    def runner_of(self, spec: Mapping[str, Any]) -> Runner:
        """What trains the candidate."""
        return self._programs

    def train(self, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch) -> Found:
        """Train one candidate after the other; yield each with its result, or with its error."""
        programs = self._programs
        for number, candidate in enumerate(pending):
            programs.tally.finished = number * plan.runs
            faults: list[Exception] = []  # of on_epoch, which are not the candidate's
            noted = None if on_epoch is None else _noting(on_epoch, faults)
            report = _counter(programs, candidate, number, len(pending), plan, noted)
            try:
                result: CandidateResult | Exception = result_of(candidate, programs, plan, report)
            except Exception as error:
                if error in faults:
                    raise
                result = error
            yield candidate, result


class ByExecutor:
    """All candidates at once, on the workers of an executor."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self.close = workplace.journal.close

    def give_up(self) -> None:
        """What workers have trained stays in the journal."""

    def runner_of(self, spec: Mapping[str, Any]) -> Runner:
        """What trains the candidate."""
        return RemotePrograms(self._workplace, spec)

    def train(self, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch) -> Found:
        """Train all candidates; yield each when it has finished, in whatever order.

        Raises
        ------
        Gone
            If the executor takes no more work.
        """
        events: Events = SimpleQueue()
        counts = _Counts(self._workplace, pending, plan, on_epoch)
        with ThreadPoolExecutor(CANDIDATES_AT_ONCE) as threads:
            try:
                for candidate in pending:
                    threads.submit(self._train, candidate, plan, events)
                yield from _finished(len(pending), events, counts)
            finally:
                self._workplace.cancel()
                threads.shutdown(cancel_futures=True)

    def _train(self, candidate: Candidate, plan: Plan, events: Events) -> None:
        report = lambda epochs, loss: events.put((candidate, epochs, loss))
        try:
            with self._workplace.numerics.entered():
                result = result_of(candidate, self.runner_of(candidate.spec), plan, report)
            events.put((candidate, result, 0))
        except Exception as error:
            events.put((candidate, error, 0))


class _Counts:
    """How far candidates are that are in training at once, told after each epoch."""

    def __init__(
        self, workplace: Workplace, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch
    ) -> None:
        self._workplace, self._plan, self._on_epoch = workplace, plan, on_epoch
        self._done = dict.fromkeys((candidate.label for candidate in pending), 0)
        self._loss = math.nan

    def add(self, candidate: Candidate, epochs: int, loss: float) -> None:
        """Count some epochs more."""
        self._done[candidate.label] += epochs
        self._loss = loss
        self._tell()

    def end(self, candidate: Candidate) -> None:
        """Count all epochs of one that has finished, or failed."""
        self._done[candidate.label] = self._plan.cost
        self._tell()

    def _tell(self) -> None:
        if self._on_epoch is None:
            return
        cost, runs = (len(self._done) * each for each in (self._plan.cost, self._plan.runs))
        left = tuple(label for label, done in self._done.items() if done < self._plan.cost)
        tally = self._workplace.tally()
        counts = tally.finished, tally.training, runs
        labels = left or tuple(self._done)[-1:]
        self._on_epoch(Progress(labels, sum(self._done.values()), cost, self._loss, *counts))


def _finished(candidates: int, events: Events, counts: _Counts) -> Found:
    """So many candidates as they finish; what comes before is counted."""
    while candidates:
        candidate, what, loss = events.get()
        if isinstance(what, Gone):
            raise what
        if isinstance(what, int):
            counts.add(candidate, what, loss)
            continue
        counts.end(candidate)
        candidates -= 1
        yield candidate, what


def _noting(on_epoch: Callable[[Progress], None], faults: list[Exception]) -> OnEpoch:
    """The same, with a note of what it raises."""

    def noted(progress: Progress) -> None:
        try:
            on_epoch(progress)
        except Exception as error:
            faults.append(error)
            raise

    return noted


def _counter(
    programs: Programs, candidate: Candidate, number: int, of: int, plan: Plan, on_epoch: OnEpoch
) -> OnEpochs:
    """For one candidate out of so many, what counts the epochs of all runs."""
    done = number * plan.cost

    def report(epochs: int, loss: float) -> None:
        nonlocal done
        done += epochs
        tally = programs.tally
        if on_epoch is not None:
            runs = tally.finished, tally.training, of * plan.runs
            on_epoch(Progress((candidate.label,), done, of * plan.cost, loss, *runs))

    return report
