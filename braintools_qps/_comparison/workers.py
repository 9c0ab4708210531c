"""Executors of the command line: processes on this machine, or the workers of Dask."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker

from .._checks import checked_count

DASK_RETRIES = 3  # of a call whose worker was lost


@contextmanager
def local_workers(workers: int) -> Iterator[Executor]:
    """A pool of processes on this machine that ends with the block; at once if that fails."""
    # JAX has threads, so its processes must not be forked.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(
        checked_count("workers", workers), mp_context=context, initializer=_follow_parent
    )
    with _ctrl_c_blocked():  # which they inherit: they end with this process
        for _ in range(workers):
            executor.submit(os.getpid)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.kill()
        raise
    executor.shutdown()


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Block Ctrl-C until the block ends, except on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whose start would unblock it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def dask_workers(scheduler: str) -> Iterator[Executor]:
    """An executor for the workers of a Dask scheduler, until the block ends.

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
    """End this worker as soon as the process that started it ends, however that ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
