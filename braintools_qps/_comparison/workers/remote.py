"""The trainings of a candidate on an executor's workers, in place of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from functools import cached_property
from typing import Any

from ...records import Cost
from ..numerics import numerics
from ..programs import Gone, Job, OnEpochs, Outcome, Tally, bench_of, groups
from ..provenance import digest, packages
from ..training import Bench
from .errands import Answer, Errand, packed_bench, packed_task
from .journal import Journal
from .worker import RUNS_PER_ERRAND, work

PATIENCE = 0.5  # seconds until a thread that waits looks whether it is still wanted
TRIES = 3  # of which a worker died each time, until an errand is given up


class Workplace:
    """An executor, and what all of its workers need for one comparison."""

    def __init__(self, executor: Executor, bench: Bench, journal: Journal) -> None:
        self.bench = bench
        self.journal = journal
        self._executor = executor
        self._packed, self._needs = packed_bench(bench)
        self._digest, self._packages = digest(bench.task), packages()
        self.numerics = numerics()
        self._futures: dict[Future, Errand] = {}
        self._finished = 0
        self._lock = threading.Lock()
        self.closed = False
        self.suspect = threading.Lock()

    @cached_property
    def data(self) -> bytes:
        """The task, for workers that have not seen it."""
        return packed_task(self.bench.task)

    def errand(self, kind: str, spec: Any, jobs: Sequence[Job], epochs: int, test: bool) -> Errand:
        """Jobs of one surrogate, and what is the same for all candidates."""
        shared = self._packed, self._needs, self._digest, self._packages, self.numerics
        plain = tuple((dict(job.setting), job.seed) for job in jobs)
        return Errand(*shared, kind, json.dumps(spec), plain, epochs, test)

    def submit(self, errand: Errand) -> Future:
        """Send an errand off."""
        with self._lock:
            if self.closed:
                raise Gone("the comparison has ended")
            try:
                future = self._executor.submit(work, errand)
            except RuntimeError as error:  # it is broken, or shut down
                raise Gone(_gone(error)) from error
            self._futures[future] = errand
        future.add_done_callback(lambda done: self._note(errand, done))
        return future

    def _note(self, errand: Errand, future: Future) -> None:
        """Keep an answer as soon as it is there, even if nobody waits for it any more."""
        with self._lock:
            self._futures.pop(future, None)
        if not future.cancelled() and future.exception() is None:
            self.journal.add(errand, future.result().value)

    def finish(self, errand: Errand) -> None:
        """Count the runs of an errand that is done."""
        with self._lock:
            self._finished += len(errand.runs)

    def tally(self) -> Tally:
        """How many runs have finished, and how many are in training.

        Dask's own executor does not tell which of its tasks have begun: all that were sent count.
        """
        with self._lock:
            out = dict(self._futures)
        begun = [errand for future, errand in out.items() if future.running()]
        begun = begun or list(out.values())[: _slots(self._executor)]
        return Tally(self._finished, sum(len(errand.runs) for errand in begun))

    def some_done(self, futures: Iterable[Future]) -> set[Future]:
        """Wait a little for one of them or more.

        Raises
        ------
        Gone
            If the comparison has ended meanwhile.
        """
        done, _ = wait(futures, PATIENCE, FIRST_COMPLETED)
        if self.closed:
            raise Gone("the comparison has ended")
        return done

    def cancel(self) -> None:
        """Cancel whatever is queued, and take nothing more."""
        with self._lock:
            self.closed = True
            futures = list(self._futures)
        for future in futures:
            future.cancel()


class RemotePrograms:
    """Has the methods of `Programs` for one candidate; each group of runs is an errand."""

    def __init__(self, workplace: Workplace, spec: Mapping[str, Any]) -> None:
        self.bench = workplace.bench
        self.one_by_one: str | None = None
        self.workers: list[dict[str, Any]] = []
        self._workplace = workplace
        self._spec = spec

    def bench_of(self, setting: Mapping[str, Any]) -> Bench:
        """The bench with the factory's options at a setting."""
        return bench_of(self.bench, setting)

    def train(
        self, jobs: Sequence[Job], epochs: int, on_epochs: OnEpochs, *, test: bool = False
    ) -> list[Outcome]:
        """Train all jobs for so many epochs; return what became of each, in their order."""
        parts = [
            numbers[start : start + RUNS_PER_ERRAND]
            for numbers in groups(jobs).values()
            for start in range(0, len(numbers), RUNS_PER_ERRAND)
        ]
        errands = [
            self._workplace.errand("train", self._spec, [jobs[n] for n in part], epochs, test)
            for part in parts
        ]
        report = lambda number, value: on_epochs(
            epochs * len(parts[number]), float(value[0][-1].curves.loss[-1])
        )
        outcomes: dict[int, Outcome] = {}
        for part, (found, one_by_one) in zip(parts, self._ask(errands, report)):
            outcomes |= zip(part, found)
            self.one_by_one = self.one_by_one or one_by_one
        return [outcomes[number] for number in range(len(jobs))]

    def measure(self, jobs: Sequence[Job]) -> Cost:
        """Cost of one surrogate, which all jobs have."""
        errand = self._workplace.errand("measure", self._spec, jobs, 0, False)
        (value,) = self._ask([errand], lambda number, value: None)
        return value

    def _ask(self, errands: list[Errand], report: Callable[[int, Any], None]) -> list[Any]:
        """The values of all answers, out of the journal or from workers."""
        values: dict[int, Any] = {}

        def keep(number: int, value: Any) -> None:
            values[number] = value
            self._workplace.finish(errands[number])
            report(number, value)

        for number, errand in enumerate(errands):
            if (value := self._workplace.journal.get(errand)) is not None:
                keep(number, value)
        missing = [number for number in range(len(errands)) if number not in values]
        for number in self._sent(errands, missing, keep):
            keep(number, self._alone(errands[number]))
        return [values[number] for number in range(len(errands))]

    def _sent(
        self, errands: list[Errand], numbers: list[int], keep: Callable[[int, Any], None]
    ) -> list[int]:
        """Send some errands off and keep the answers; return those with which a worker died."""
        waiting = {self._workplace.submit(errands[number]): number for number in numbers}
        suspects = []
        try:
            while waiting:
                for future in self._workplace.some_done(waiting):
                    number = waiting.pop(future)
                    answer = _answer(future)
                    if isinstance(answer, Exception):
                        suspects.append(number)
                    elif answer.value is None:
                        errand = errands[number]._replace(data=self._workplace.data)
                        waiting[self._workplace.submit(errand)] = number
                    else:
                        keep(number, self._value(answer))
        finally:
            for future in waiting:
                future.cancel()  # those that nobody needs any more, where one has failed
        return suspects

    def _alone(self, errand: Errand) -> Any:
        """Try again what may have killed a worker, so that only one suspect is out at a time.

        Dask blames all that a worker had been given when it died.
        """
        died: Exception | None = None
        with self._workplace.suspect:
            for _ in range(TRIES - 1):
                future = self._workplace.submit(errand._replace(data=self._workplace.data))
                while not self._workplace.some_done([future]):
                    pass
                answer = _answer(future)
                if not isinstance(answer, Exception):
                    return self._value(answer)
                died = answer
        raise RuntimeError(
            f"a worker died of it in each of {TRIES} tries ({type(died).__name__}: {died})"
        ) from died

    def _value(self, answer: Answer) -> Any:
        if answer.worker not in self.workers:
            self.workers.append(answer.worker)
        return answer.value


def _answer(future: Future) -> Answer | Exception:
    """What came back; if the worker died, the executor's error.

    Raises
    ------
    Gone
        If the executor has dropped it.
    Exception
        Whatever went wrong in the errand itself, or in the executor.
    """
    try:
        answer: Answer = future.result()
    except CancelledError as error:
        raise Gone(_gone(error)) from error
    except Exception as error:  # of the executor: those of the work are in the answer
        if isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":  # Dask's
            return error
        raise
    if answer.error is not None:
        raise answer.error
    return answer


def _slots(executor: Executor) -> int | None:
    try:
        return getattr(executor, "slots", None)
    except Exception:  # the scheduler has gone, which the futures will tell
        return None


def _gone(error: BaseException) -> str:
    reason = str(error) or type(error).__name__
    return (
        f"the executor takes no more work ({reason}). What has finished is kept where out= was "
        "given: go on with resume=True"
    )
