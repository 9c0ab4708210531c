"""What a worker does with an errand; it keeps data and compiled programs for the next one."""

from __future__ import annotations

import json
import os
import pickle
import socket
import threading
from functools import cache
from typing import Any

from braintools.surrogate import Surrogate

from ..._registry import get_surrogate
from ..places import device_text
from ..programs import Job, Programs
from ..provenance import packages
from ..tasks import Task
from .errands import Answer, Errand, unpacked_bench, unpacked_task

RUNS_PER_ERRAND = 6

# Dask calls from several threads; brainstate's random state and environment are the process's.
_one_at_a_time = threading.Lock()
_tasks: dict[str, Task] = {}
_programs: dict[tuple[Any, ...], Programs] = {}


def work(errand: Errand) -> Answer:
    """Train or measure; whatever goes wrong comes back as the answer's error."""
    with _one_at_a_time:
        return _worked(errand)


def _worked(errand: Errand) -> Answer:
    try:
        _check_versions(errand)
        with errand.numerics.entered():
            programs = _programs_for(errand)
            value = None if programs is None else _done(programs, errand)
        return Answer(value, None, identity())
    except Exception as error:
        return Answer(None, _sendable(error), identity())


def identity() -> dict[str, Any]:
    """Where this is."""
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "device": device_text(),
        "packages": packages(),
    }


def _check_versions(errand: Errand) -> None:
    ours = packages()
    other = [name for name in errand.packages if errand.packages[name] != ours.get(name)]
    if other:
        told = ", ".join(f"{n} {ours.get(n)}, not {errand.packages[n]}" for n in other)
        raise RuntimeError(
            "a worker must have the versions of those who send it work, got one on "
            f"{socket.gethostname()} with {told}. Install the same versions there"
        )


def _programs_for(errand: Errand) -> Programs | None:
    """The programs of the last time, or new ones for the data; None without the data."""
    if errand.data is not None and errand.digest not in _tasks:
        _tasks.clear()
        _tasks[errand.digest] = unpacked_task(errand.data)
    key = errand.digest, errand.bench, errand.numerics
    if key not in _programs and errand.digest in _tasks:
        bench = unpacked_bench(errand, _tasks[errand.digest])
        _programs.clear()
        _programs[key] = Programs(bench, RUNS_PER_ERRAND)
    return _programs.get(key)


def _done(programs: Programs, errand: Errand) -> Any:
    surrogate = _surrogate(errand.surrogate)
    jobs = [Job(surrogate, setting, seed) for setting, seed in errand.jobs]
    if errand.kind == "measure":
        return programs.measure(jobs)
    outcomes = programs.train(jobs, errand.epochs, lambda epochs, loss: None, test=errand.test)
    return outcomes, programs.one_by_one


@cache
def _surrogate(spec: str) -> Surrogate:
    return get_surrogate(json.loads(spec))


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
