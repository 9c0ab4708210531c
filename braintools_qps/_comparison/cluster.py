"""Trains groups of runs on the workers of Dask, on this machine or on others."""

from __future__ import annotations

import logging
import socket
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .._checks import checked_count
from .._wording import from_extra, listed, shown
from .code import loaded_code, sources
from .devices import present_devices
from .experiment import Experiment
from .numerics import computing_with, numerics, packages
from .plan import Run
from .runs import Outcome
from .train import Trainer
from .typing import Plain

if TYPE_CHECKING:
    from distributed import Client, Future

RUNS_PER_CALL = 6  # few enough to share out among workers, many enough to be worth compiling

DIED = "all workers that trained it died, perhaps for want of memory: their logs may say why"

Trained = tuple[list[Run], Sequence[Outcome] | Exception]


@contextmanager
def connected(cluster: int | str) -> Iterator[Client]:
    """A number of worker processes on this machine, or those of a scheduler at an address.

    Raises
    ------
    ImportError
        If Dask is missing.
    ValueError
        If it is no address.
    OSError
        If no scheduler answers.
    """
    with from_extra("cluster", "--workers and --scheduler need Dask"):
        from distributed import Client, LocalCluster
        from distributed.comm import get_address_host_port
    if isinstance(cluster, str):
        try:
            get_address_host_port(cluster)  # a Client would go on, and end in a traceback
        except ValueError as error:
            raise ValueError(
                f"scheduler must be an address, got {shown(cluster)}: {error}. For example "
                "tcp://localhost:8786"
            ) from error
    options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}
    options |= {"memory_limit": 0}  # Dask would end a worker that comes near a limit
    stack = ExitStack()
    stack.enter_context(_quiet())
    try:
        if isinstance(cluster, int):
            checked_count("workers", cluster)
            started = LocalCluster(cluster, silence_logs=logging.CRITICAL, **options)
            cluster = stack.enter_context(started).scheduler_address
        yield stack.enter_context(Client(cluster, set_as_default=False))
    finally:
        with suppress(OSError):  # such as a timeout: workers that end late cost no results
            stack.close()


@contextmanager
def _quiet(client: Client | None = None) -> Iterator[None]:
    """A lost worker or scheduler is one line of ours at most, where Dask prints tracebacks.

    If the client has started the workers, they print to the same terminal, so they are quiet, too.
    """
    owner = client if client is not None and client.cluster is not None else None
    levels = [(handler, handler.level) for handler in _handlers()]
    try:
        _log_from(logging.CRITICAL)
        if owner is not None:
            owner.run(_log_from, logging.CRITICAL, on_error="ignore")
        yield
    finally:
        for handler, level in levels:
            handler.setLevel(level)
        if owner is not None and owner.status == "running":
            owner.run(_log_from, logging.NOTSET, on_error="ignore")


def _handlers() -> list[logging.Handler]:
    """Those that Dask logs to, unless it is told otherwise."""
    names = "distributed", "distributed.client"
    return [handler for name in names for handler in logging.getLogger(name).handlers]


def _log_from(level: int) -> None:
    """Have Dask print what it logs from this level on."""
    for handler in _handlers():
        handler.setLevel(level)


def trained_by(
    client: Client,
    groups: Sequence[list[Run]],
    experiment: Experiment,
    is_needed: Callable[[list[Run]], bool],
) -> Generator[Trained, None, None]:
    """Train groups; yield each with its outcomes or its error.

    If training a group failed, those that are no longer needed are cancelled. A group whose worker
    is lost is trained by another. Dask counts a death against all groups that wait at the worker,
    so one that it gives up is tried again by itself, after the others.

    Raises
    ------
    ConnectionError
        If the scheduler is lost.
    """
    from distributed import KilledWorker

    given_up = []
    with _quiet(client):
        for group, result in _tried(client, groups, experiment, is_needed):
            if isinstance(result, KilledWorker):
                given_up.append(group)
            else:
                yield group, result
        for group in filter(is_needed, given_up):
            for _, result in _tried(client, [group], experiment, is_needed):
                yield group, ConnectionError(DIED) if isinstance(result, KilledWorker) else result


def _tried(
    client: Client,
    groups: Sequence[list[Run]],
    experiment: Experiment,
    is_needed: Callable[[list[Run]], bool],
) -> Generator[Trained, None, None]:
    """Train groups, each once as Dask has it."""
    from distributed import as_completed

    data, waiting = _sent(client, groups, experiment)
    try:
        for future in as_completed([*waiting], loop=client.loop):
            group = waiting.pop(future)
            if not is_needed(group):
                continue
            yield group, (result := _result(future))
            if isinstance(result, Exception):
                client.cancel([f for f, its in waiting.items() if not is_needed(its)])
    finally:
        if client.status == "running":
            client.cancel([data, *waiting])


def _sent(
    client: Client, groups: Sequence[list[Run]], experiment: Experiment
) -> tuple[Future, dict[Future, list[Run]]]:
    """The data, and the groups that wait to be trained, by their futures."""
    from distributed.protocol.pickle import dumps

    needs = _needed(experiment)
    numbers = numerics()
    send = partial(client.submit, pure=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")
        # A task, so that the scheduler makes the data again if all workers that have them are lost,
        # from bytes, which it need not understand
        data = send(made_from, dumps(experiment))
        return data, {send(work, data, group, needs, numbers): group for group in groups}


def _result(future: Future) -> Sequence[Outcome] | Exception:
    """The outcomes of a group, or its error.

    Raises
    ------
    ConnectionError
        If the scheduler is lost.
    """
    try:
        return future.result()
    except CancelledError:
        raise ConnectionError(
            "the Dask scheduler was lost. Finished runs are kept if out= was given: the same call "
            "goes on from them"
        ) from None
    except Exception as error:
        return error


# In a worker

# Dask may call from several threads, but brainstate's random state belongs to the process.
_one_at_a_time = threading.Lock()
_trainers: dict[int, Trainer] = {}  # one at most, by the id of its experiment


def made_from(data: bytes) -> Experiment:
    """Data from bytes.

    As a function of this module, it has the worker import the package before a thread runs it:
    modules that the data name are not imported while another thread imports the package.
    """
    from distributed.protocol.pickle import loads

    return loads(data)


def work(experiment: Experiment, group: list[Run], needs: Plain, numbers: Plain) -> list[Outcome]:
    """Train a group in this process. Data and compiled programs are kept for the next group."""
    with _one_at_a_time, computing_with(numbers):
        if id(experiment) not in _trainers:
            _check_worker(experiment, needs)
            _trainers.clear()
            width = present_devices().width(RUNS_PER_CALL)
            _trainers[id(experiment)] = Trainer(experiment, width)
        return _trainers[id(experiment)].train(group)


def _needed(experiment: Experiment) -> Plain:
    """The versions and the modules that workers must have; what a script defines is sent.

    A module must be the same on the disk and in memory, where an edited one is as it was.
    """
    code = sources(experiment.functions.values())
    modules = {name: digest for name, digest in code.items() if name.endswith(".py")}
    return packages() | {name: [modules[name], *loaded_code(name)] for name in modules}


def _check_worker(experiment: Experiment, needs: Plain) -> None:
    """Check that a worker has the versions and the code of the process that sends it work."""
    here = _needed(experiment)
    if others := [name for name, wanted in needs.items() if here.get(name, wanted) != wanted]:
        raise ValueError(
            "a worker must have the code and the versions of the process that sends it work, but "
            f"on {socket.gethostname()} it has another {listed(others)}. Install the same versions "
            "there, and restart the workers, so that they import the current code"
        )
