"""Where groups of runs are trained: in this process, or each by one call on an executor.

`Dispatch` goes through the searches of candidates: it submits the groups of a round, keeps their
outcomes, and goes on with a candidate when its round is complete. `Here` and `There` train groups.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from .._checks import checked_count
from ..records import CandidateResult, Comparison, to_plain
from .devices import device_text
from .fingerprint import name_of
from .numerics import Numerics, numerics
from .outcome import Candidate
from .progress import Progress
from .provenance import compared, packages
from .search import Plan, Search, search
from .storage import Store
from .train import Job, Outcome, Trainer, groups
from .training import Curves, Experiment, Tested

DASK_RETRIES = 3  # of a call that Dask itself could not bring to an end
RUNS_PER_CALL = 6  # few enough to be spread over workers, many enough to be worth compiling

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
class Round:
    """The runs of one round of a candidate's search, with the outcomes that have come in."""

    candidate: Candidate
    search: Search
    job: Job
    outcomes: dict[int, Outcome] = field(default_factory=dict)


@dataclass
class Group:
    """Runs of a round that are trained together."""

    round: Round
    numbers: list[int]
    job: Job
    key: str  # all that the outcomes depend on
    with_data: bool = False
    was_sent: bool = False
    is_known: bool = False  # it was trained before


class Dispatch:
    """Trains candidates, round by round of their searches."""

    def __init__(
        self,
        trains: Here | There,
        plan: Plan,
        experiment: Experiment,
        comparison: Comparison,
        store: Store | None,
        progress: Progress,
    ) -> None:
        self._trains, self._plan, self._experiment = trains, plan, experiment
        self._store, self._progress = store, progress
        self._depends_on = [compared(comparison.settings), comparison.task, packages()]
        self._rounds: dict[str, Round] = {}  # by label
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
                started = search(candidate, self._plan, self._experiment)
                yield from self._go_on(candidate, started, None)
            while self._rounds:
                yield from self._receive(self._answers.get())
        finally:
            for future in list(self._waiting):
                future.cancel()
            while not self._answers.empty():
                with suppress(Exception):  # what failed has been told, or nobody asks any more
                    self._keep(self._answers.get())

    def _go_on(self, candidate: Candidate, search: Search, outcomes: list[Outcome] | None) -> Found:
        """Submit the next round of a candidate; yield it if there is none."""
        try:
            job = search.send(outcomes)  # type: ignore[arg-type] # None starts it
            parts = groups(job, self._experiment, self._trains.most_runs)
        except StopIteration as end:
            yield candidate, end.value
            return
        except Exception as error:
            yield candidate, error
            return
        round = self._rounds[candidate.label] = Round(candidate, search, job)
        for numbers in parts:
            part = job.part(numbers)
            self._send(Group(round, numbers, part, self._key(candidate, part)))

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
        round, label = group.round, group.round.candidate.label
        try:
            outcomes = self._keep(future)
        except (CancelledError, BrokenExecutor) as error:
            if label in self._rounds:
                raise ExecutorEndedError(error) from error
            return  # it was cancelled here, as another group of the candidate has failed
        except Exception as error:
            if error is self._progress.fault:
                raise
            if self._rounds.pop(label, None):
                for other, its in list(self._waiting.items()):
                    if its.round is round:
                        other.cancel()
                yield round.candidate, error
            return
        if label not in self._rounds:  # another group has failed
            return
        if isinstance(outcomes, str):
            # A worker that has just been sent the data with another group has it by now.
            group.with_data = group.was_sent or outcomes not in self._supplied
            group.was_sent = True
            self._supplied.add(outcomes)
            self._send(group)
            return
        round.outcomes |= zip(group.numbers, outcomes)
        loss = float(np.mean([outcome.curves.loss[-1] for outcome in outcomes]))
        if group.is_known:
            runs = len(outcomes)
            epochs = runs * group.job.epochs
            self._progress.advance(label, epochs, loss, runs=runs, known=True)
        else:
            self._trains.report(group, loss)
        if len(round.outcomes) == len(round.job.runs):
            del self._rounds[label]
            ordered = [round.outcomes[number] for number in range(len(round.job.runs))]
            yield from self._go_on(round.candidate, round.search, ordered)

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
        own = [candidate.spec, job.runs, job.epochs, job.test]
        text = json.dumps(to_plain([*self._depends_on, *own]), sort_keys=True)
        return sha256(text.encode()).hexdigest()


def _text(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as text for the store."""
    lists = lambda arrays: [np.asarray(array).tolist() for array in arrays]
    return json.dumps([[lists(o.curves), o.tested and lists(o.tested), *o[2:]] for o in outcomes])


def _read(text: str) -> list[Outcome]:
    """The way back from `_text`."""
    found = []
    for curves, tested, *rest in json.loads(text):
        arrays: Any = map(np.array, curves)
        found.append(Outcome(Curves(*arrays), tested and Tested(*tested), *rest))
    return found


class Here:
    """Trains in this process, on all of its devices."""

    most_runs = None

    def __init__(
        self, experiment: Experiment, plan: Plan, store: Store | None, progress: Progress
    ) -> None:
        self._trainer = Trainer(experiment, plan.most_runs)
        self._store, self._progress = store, progress

    def submit(self, group: Group) -> Future:
        """Train at once."""
        label = group.round.candidate.label
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
        self._progress.finish(group.round.candidate.label, len(group.job.runs))


class There:
    """Trains by an executor: a group of runs is one call of `work`."""

    most_runs = RUNS_PER_CALL

    def __init__(self, executor: Executor, experiment: Experiment, progress: Progress) -> None:
        self._executor, self._progress = executor, progress
        self._experiment, self._names = _packed(experiment)
        self._shared = sha256(self._experiment).hexdigest(), self._names, packages(), numerics()

    def submit(self, group: Group) -> Future:
        """Send the group off, with the data if a worker has asked for them."""
        data = self._experiment if group.with_data else None
        try:
            return self._executor.submit(work, Call(*self._shared, group.job, data))
        except RuntimeError as error:  # it is broken, or shut down
            raise ExecutorEndedError(error) from error

    def report(self, group: Group, loss: float) -> None:
        """Tell that a group has finished."""
        label, runs = group.round.candidate.label, len(group.job.runs)
        self._progress.advance(label, runs * group.job.epochs, loss, runs=runs)


def check_executor(executor: Any) -> None:
    """Raise unless it has the methods of an executor.

    Raises
    ------
    TypeError
        If it is a number, say.
    """
    if not (executor is None or hasattr(executor, "submit")):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, which calls functions in other "
            f"processes, got {executor!r}. For example concurrent.futures.ProcessPoolExecutor(2, "
            "mp_context=multiprocessing.get_context('spawn')); on the command line, --workers 2"
        )


# In a worker


class Call(NamedTuple):
    """A group of runs on its way to a worker."""

    digest: str  # of the experiment
    names: tuple[str, ...]  # of the functions in it, to tell people
    packages: Mapping[str, str]  # versions that a worker must have
    numerics: Numerics
    job: Job
    experiment: bytes | None  # only for a worker that has asked for it


# Dask calls from several threads; brainstate's random state and environment are the process's.
_one_at_a_time = threading.Lock()
_trainers: dict[Any, Trainer] = {}


def work(call: Call) -> list[Outcome] | Exception | str:
    """Train a group in this process; whatever goes wrong is returned.

    The name of this worker asks for the data. Data and compiled programs stay for the next group.
    """
    with _one_at_a_time:
        try:
            _check_versions(call.packages)
            with call.numerics.entered():
                return _worked(call)
        except SystemExit as end:
            return RuntimeError(f"the model's code ended its process by sys.exit({end.code!r})")
        except Exception as error:
            return _sendable(error)


def _worked(call: Call) -> list[Outcome] | str:
    key = call.digest, call.numerics
    if key not in _trainers:
        if call.experiment is None:
            return f"{socket.gethostname()}:{os.getpid()}"
        _trainers.clear()
        _trainers[key] = Trainer(_unpacked(call.experiment, call.names), RUNS_PER_CALL)
    worker = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "device": device_text(),
        "packages": packages(),
    }
    outcomes = _trainers[key].train_group(call.job)
    return [outcome._replace(worker=worker) for outcome in outcomes]


def _check_versions(wanted: Mapping[str, str]) -> None:
    ours = packages()
    other = [name for name in wanted if wanted[name] != ours.get(name)]
    if other:
        told = ", ".join(f"{name} {ours.get(name)}, not {wanted[name]}" for name in other)
        raise RuntimeError(
            "a worker must have the versions of those who send it work, got one on "
            f"{socket.gethostname()} with {told}. Install the same versions there"
        )


def _packed(experiment: Experiment) -> tuple[bytes, tuple[str, ...]]:
    """The experiment, and the names of the functions in it, which travel by their import paths.

    Raises
    ------
    TypeError
        If one cannot be imported, or an option cannot be sent.
    """
    objective = experiment.objective
    functions = [experiment.factory.make, experiment.optimizer, objective.loss, objective.score]
    names = tuple(name_of(function) for function in functions if function is not None)
    try:
        return pickle.dumps(experiment), names
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            "with an executor, model, loss, score and optimizer must be functions of a module that "
            "workers can import, and options values that can be sent, got "
            f"{', '.join(names)}: {error}. Move functions to the top of a file of their own and "
            "import them from there"
        ) from error


def _unpacked(packed: bytes, names: Sequence[str]) -> Experiment:
    try:
        return pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"workers must be able to import {', '.join(names)}, got: {error}. Install the module "
            "there, or put its directory on their PYTHONPATH"
        ) from error


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# Executors that the command line makes


@contextmanager
def local_workers(workers: int) -> Iterator[Executor]:
    """So many processes of this machine, which end with the block, at once if it fails."""
    # JAX has threads, so its processes must not be forked.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(
        checked_count("workers", workers), mp_context=context, initializer=_follow_parent
    )
    # Started while Ctrl-C is ignored, which they inherit: they end with this process.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(workers):
            executor.submit(os.getpid)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.kill()
        raise
    executor.shutdown()


@contextmanager
def dask_workers(scheduler: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler, as long as the block lasts.

    Raises
    ------
    ImportError
        If Dask is missing.
    OSError
        If no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "a scheduler needs Dask. Run pip install 'braintools-qps[cluster]'"
        ) from error
    try:
        client = Client(scheduler, set_as_default=False)
    except OSError as error:
        raise OSError(
            f"no Dask scheduler answers at {scheduler}: {error}. Start one with 'dask scheduler' "
            "and give the address that it prints, such as tcp://host:8786"
        ) from error
    with client:
        yield client.get_executor(pure=False, retries=DASK_RETRIES)


def _follow_parent() -> None:
    """End this worker when the process that started it has ended, however it did."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
