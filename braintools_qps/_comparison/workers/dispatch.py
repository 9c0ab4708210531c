"""Candidates one after the other in this process, or all at once on the workers of an executor."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, NamedTuple

from ...records.comparison import CandidateResult
from ..candidate import Candidate, Plan, result_of
from ..programs import OnEpochs, Programs
from .remote import Gone, RemotePrograms, Workplace

CANDIDATES_AT_ONCE = 64  # each is a thread that waits for its answers

Found = Generator[tuple[Candidate, CandidateResult | Exception], None, None]


class Progress(NamedTuple):
    """Where a comparison stands."""

    labels: tuple[str, ...]  # of the candidates in training
    done: int  # epochs, of all runs
    total: int
    loss: float  # mean over the runs of this epoch


OnEpoch = Callable[[Progress], None] | None


def in_turn(
    programs: Programs, pending: Sequence[Candidate], plan: Plan, on_epoch: OnEpoch
) -> Found:
    """Train one candidate after the other; yield each with its result, or with its error."""
    count = _counter(on_epoch, len(pending) * plan.cost)
    for number, candidate in enumerate(pending):
        report = count(candidate, number * plan.cost)
        try:
            yield candidate, result_of(candidate, programs, plan, report)
        except Exception as error:
            yield candidate, error


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
    done, total = 0, len(pending) * plan.cost

    def train(candidate: Candidate) -> None:
        report = lambda epochs, loss: events.put((candidate, epochs, loss))
        programs = RemotePrograms(workplace, candidate.spec)
        try:
            events.put((candidate, result_of(candidate, programs, plan, report), 0))
        except Exception as error:
            events.put((candidate, error, 0))

    with ThreadPoolExecutor(CANDIDATES_AT_ONCE) as threads:
        try:
            left = len([threads.submit(train, candidate) for candidate in pending])
            while left:
                candidate, what, loss = events.get()
                if isinstance(what, int):
                    done += what
                    if on_epoch is not None:
                        on_epoch(Progress((candidate.label,), done, total, loss))
                    continue
                if isinstance(what, Gone):
                    raise what
                left -= 1
                yield candidate, what
        finally:
            workplace.cancel()
            threads.shutdown(cancel_futures=True)


def _counter(on_epoch: OnEpoch, total: int) -> Callable[[Candidate, int], OnEpochs]:
    """For a candidate, what counts the epochs of all runs from ``done`` on."""

    def count(candidate: Candidate, done: int) -> OnEpochs:
        def report(epochs: int, loss: float) -> None:
            nonlocal done
            done += epochs
            if on_epoch is not None:
                on_epoch(Progress((candidate.label,), done, total, loss))

        return report

    return count
