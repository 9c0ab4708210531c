"""Executors that the command line makes: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager
from typing import Any

from ..._checks import checked_count


class LocalWorkers(Executor):
    """Processes that die alone.

    In a `concurrent.futures.ProcessPoolExecutor` one process that dies ends all work. Here each
    process has a pool to itself, and is replaced when it dies; what it was doing fails with
    `concurrent.futures.BrokenExecutor`.
    """

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(checked_count("workers", workers))
        self._own = threading.local()
        self._pools: set[ProcessPoolExecutor] = set()

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Call the function in one of the processes, as soon as one is free."""
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes; with ``wait``, when they have done what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        for pool in list(self._pools):
            if not wait:
                _kill(pool)
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        self._threads.shutdown(wait=wait)

    def _call(self, fn: Callable, *args: Any, **kwargs: Any) -> Any:
        if getattr(self._own, "pool", None) is None:
            # JAX has threads, so its process must not be forked.
            context = multiprocessing.get_context("spawn")
            self._own.pool = ProcessPoolExecutor(1, mp_context=context, initializer=_follow_parent)
            self._pools.add(self._own.pool)
        try:
            return self._own.pool.submit(fn, *args, **kwargs).result()
        except BrokenExecutor:
            self._pools.discard(self._own.pool)
            self._own.pool = None
            raise


class DaskWorkers(Executor):
    """Those of a Dask client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)

    @property
    def slots(self) -> int:
        """How many tasks the workers do at once."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Send a call to the scheduler."""
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; without ``wait``, cancel what is queued."""
        self._executor.shutdown(wait=wait)


@contextmanager
def local_workers(workers: int) -> Iterator[Executor]:
    """So many processes of this machine, which end with the block, at once if it fails."""
    executor = LocalWorkers(workers)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
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
        yield DaskWorkers(client)


def _follow_parent() -> None:
    """In a worker: leave Ctrl-C to the one who compares, and end when that one has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
