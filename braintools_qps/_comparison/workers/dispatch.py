"""Candidates one after the other in this process, or all at once on the workers of an executor."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from ...records import CandidateResult
from ..candidate import Candidate, Plan, result_of
from ..programs import Gone, OnEpochs, Programs
from ..progress import OnEpoch, Progress
from .remote import RemotePrograms, Workplace

CANDIDATES_AT_ONCE = 64  # each is a thread that waits for its answers

Found = Generator[tuple[Candidate, CandidateResult | Exception], None, None]


def in_turn(
    programs: Programs, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch
) -> Found:
    """Train one candidate after the other; yield each with its result, or with its error."""
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


def by_executor(
    workplace: Workplace, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch
) -> Found:
    """Train all candidates at once; yield each when it has finished, in whatever order.

    Raises
    ------
    Gone
        If the executor takes no more work.
    """
    events: SimpleQueue[tuple[Candidate, Any, float]] = SimpleQueue()
    latest = math.nan
    done = dict.fromkeys((candidate.label for candidate in pending), 0)

    def show() -> None:
        if on_epoch is not None:
            total, runs = (len(pending) * each for each in (plan.cost, plan.runs))
            tally = workplace.tally()
            left = tuple(label for label in done if done[label] < plan.cost) or tuple(done)[-1:]
            counts = tally.finished, tally.training, runs
            on_epoch(Progress(left, sum(done.values()), total, latest, *counts))

    def train(candidate: Candidate) -> None:
        report = lambda epochs, loss: events.put((candidate, epochs, loss))
        programs = RemotePrograms(workplace, candidate.spec)
        try:
            with workplace.surroundings.entered():
                result = result_of(candidate, programs, plan, report)
            events.put((candidate, result, 0))
        except Exception as error:
            events.put((candidate, error, 0))

    with ThreadPoolExecutor(CANDIDATES_AT_ONCE) as threads:
        try:
            left = len([threads.submit(train, candidate) for candidate in pending])
            while left:
                candidate, what, loss = events.get()
                if isinstance(what, Gone):
                    raise what
                if isinstance(what, int):
                    done[candidate.label], latest = done[candidate.label] + what, loss
                    show()
                    continue
                done[candidate.label], left = plan.cost, left - 1
                show()
                yield candidate, what
        finally:
            workplace.cancel()
            threads.shutdown(cancel_futures=True)


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
