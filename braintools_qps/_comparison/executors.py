"""Trains groups of runs in other processes: each group is one call on an executor."""

from __future__ import annotations

import os
import pickle
import socket
import threading
from collections.abc import Generator, Iterable, Mapping, Set
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from hashlib import sha256
from queue import SimpleQueue
from typing import Any, NamedTuple

from .devices import device_text
from .fingerprint import BYTECODE, changes, fingerprint, name_of
from .model import computing_with, numerics
from .provenance import packages
from .run import Experiment
from .train import Group, Outcome, Trainer

RUNS_PER_CALL = 6  # few enough to share out among workers, many enough to be worth compiling


def trained_by(
    executor: Executor, groups: Iterable[Group], experiment: Experiment, failed: Set[str]
) -> Generator[tuple[Group, list[Outcome] | Exception], None, None]:
    """Train groups; yield each with its outcomes or its error.

    Groups of candidates whose labels are among the ``failed`` are cancelled. A worker gets the data
    when it asks for them.

    Raises
    ------
    RuntimeError
        If the executor takes no more work.
    """
    packed, code = _packed(experiment)
    # Functions are pickled by name: the same bytes may stand for other code.
    digest = sha256(packed + repr((code, numerics())).encode()).hexdigest()
    shared = digest, code, packages(), numerics()
    answers: SimpleQueue[Future] = SimpleQueue()
    waiting: dict[Future, Group] = {}
    supplied: set[str] = set()  # workers that data have been sent for
    asked: set[str] = set()  # groups for which a worker has asked for data

    def send(group: Group, data: bytes | None = None) -> None:
        try:
            future = executor.submit(work, Call(*shared, group, data))
        except RuntimeError as error:  # it is broken, or shut down
            raise _ended(error) from error
        waiting[future] = group
        # Called for a future that is cancelled as well, which `wait` would never count.
        future.add_done_callback(answers.put)

    try:
        for group in groups:
            send(group)
        while waiting:
            future = answers.get()
            group = waiting.pop(future)
            if group.candidate.label in failed:
                continue
            try:
                found = future.result()
            except (CancelledError, BrokenExecutor) as error:
                raise _ended(error) from error
            except Exception as error:
                found = error
            if isinstance(found, str):
                # A worker that has just been sent the data with another group has it by now.
                missing = found not in supplied or group.key in asked
                supplied.add(found)
                asked.add(group.key)
                send(group, packed if missing else None)
                continue
            yield group, found
            for other, its in list(waiting.items()):
                if its.candidate.label in failed:
                    other.cancel()
    finally:
        for future in list(waiting):
            future.cancel()


def _ended(reason: BaseException) -> RuntimeError:
    text = str(reason).rstrip(".") or type(reason).__name__
    return RuntimeError(
        f"the executor takes no more work ({text}). Finished runs are saved if out= was given: "
        "resume=True goes on from them"
    )


def check_executor(executor: Any) -> None:
    """Raise unless the argument has the methods of an executor.

    Raises
    ------
    TypeError
        If it has not, as a number of workers.
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
    code: Mapping[str, Mapping[str, str]]  # of the functions in it, by their names
    packages: Mapping[str, str]  # versions that a worker must have
    numerics: Mapping[str, Any]
    group: Group
    experiment: bytes | None  # only for a worker that has asked for it


# Dask calls from several threads, but brainstate's random state belongs to the process.
_one_at_a_time = threading.Lock()
_trainers: dict[str, Trainer] = {}  # one at most


def work(call: Call) -> list[Outcome] | Exception | str:
    """Train a group in this process; return its outcomes, or the error.

    A worker without the data returns its name instead, to ask for them. Data and compiled programs
    are kept for the next group.
    """
    with _one_at_a_time:
        try:
            _check_versions(call.packages)
            with computing_with(call.numerics):
                return _worked(call)
        except SystemExit as end:
            return RuntimeError(
                f"the model's code ended its process with sys.exit({end.code!r}). Raise an "
                "exception instead"
            )
        except Exception as error:
            return _sendable(error)


def _worked(call: Call) -> list[Outcome] | str:
    if call.digest not in _trainers:
        if call.experiment is None:
            return f"{socket.gethostname()}:{os.getpid()}"
        _trainers.clear()
        experiment = _unpacked(call.experiment, call.code)
        _check_code(call.code, _code(experiment))
        _trainers[call.digest] = Trainer(experiment, RUNS_PER_CALL)
    worker = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "device": device_text(),
        "packages": packages(),
    }
    outcomes = _trainers[call.digest].train(call.group)
    return [outcome._replace(worker=worker) for outcome in outcomes]


def _check_versions(wanted: Mapping[str, str]) -> None:
    ours = packages()
    other = [name for name in wanted if wanted[name] != ours.get(name)]
    if other:
        told = ", ".join(f"{name} {ours.get(name)}, not {wanted[name]}" for name in other)
        raise RuntimeError(
            "a worker must have the same versions as the process that sends it work, got "
            f"{told} on {socket.gethostname()}. Install the same versions there"
        )


def _check_code(sent: Mapping[str, Mapping[str, str]], ours: Mapping) -> None:
    """Check that the functions imported here are those of the process that sends the work.

    Parts that only one side lists may belong to an installed package on the other.
    """
    found = []
    for name, parts in sent.items():
        both = parts.keys() & ours.get(name, {}).keys()
        found += changes(*({key: one[key] for key in both} for one in (parts, ours.get(name, {}))))
    if found:
        raise RuntimeError(
            "a worker must have the same code as the process that sends it work, but on "
            f"{socket.gethostname()} {found[0]}. Restart the workers, so that they import the "
            "current code"
        )


def _code(experiment: Experiment) -> dict[str, dict[str, str]]:
    """The bytecode and the defaults of the user's functions, by function.

    Other values may differ between machines for good reason, such as the path of a file.
    """
    objective = experiment.objective
    functions = [experiment.factory.make, experiment.optimizer, objective.loss, objective.score]
    is_code = lambda name, text: text.startswith(BYTECODE) or " default " in name
    parts = lambda function: {
        # In a process that a script starts, the script's functions are in another module.
        name.replace("__mp_main__", "__main__"): text
        for name, text in fingerprint(function).items()
        if is_code(name, text)
    }
    given = (function for function in functions if function is not None)
    return {name_of(f).replace("__mp_main__", "__main__"): parts(f) for f in given}


def _packed(experiment: Experiment) -> tuple[bytes, dict[str, dict[str, str]]]:
    """The pickled experiment, and the code of its functions, which are pickled by name.

    Raises
    ------
    TypeError
        If a function cannot be imported, or an option cannot be pickled.
    """
    code = _code(experiment)
    try:
        return pickle.dumps(experiment), code
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            "with an executor, model, loss, score and optimizer must be functions that workers can "
            "import from a module, with options that can be pickled, got "
            f"{', '.join(code)}: {error}. Move the functions to the top level of a file and import "
            "them from there"
        ) from error


def _unpacked(packed: bytes, names: Iterable[str]) -> Experiment:
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
