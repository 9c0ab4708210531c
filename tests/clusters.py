"""A Dask cluster of processes on this machine, started by Dask's own commands."""

import os
import socket
import subprocess
import sys
from concurrent.futures import Executor
from contextlib import contextmanager

PATIENCE = 120  # seconds until a process counts as lost
QUICKLY = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}


class Cluster:
    """A scheduler and its workers; started when it is first needed, or needed again."""

    def __init__(self, workers, folder):
        self._workers, self._folder = workers, folder
        self._processes = []
        self._address = None

    @property
    def address(self):
        if not self._processes or any(p.poll() is not None for p in self._processes):
            self.end()
            self._start()
        return self._address

    def kill_scheduler(self):
        self._processes[0].kill()

    def end(self):
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(PATIENCE)
        self._processes = []

    def _start(self):
        from distributed import Client

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._address = f"tcp://127.0.0.1:{port}"
        self._dask("scheduler", "--host", "127.0.0.1", "--port", port)
        many = "--nworkers", self._workers, "--nthreads", 1
        self._dask("worker", self._address, *many, "--local-directory", self._folder)
        with Client(self._address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(self._workers, timeout=PATIENCE)

    def _dask(self, *command):
        with open(self._folder / "log.txt", "a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, command), "--no-dashboard"],
                env=os.environ | QUICKLY,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)


class Counted(Executor):
    """An executor, and the keys of what was trained by it, in the order of the answers."""

    def __init__(self, executor):
        self.trained = []
        self._executor = executor

    def submit(self, function, errand):
        future = self._executor.submit(function, errand)
        future.add_done_callback(lambda done: self._note(errand, done))
        return future

    def _note(self, errand, future):
        if future.cancelled() or future.exception() is not None or errand.kind != "train":
            return
        if future.result().value is not None:  # None asks for the data
            self.trained.append(errand.key)


@contextmanager
def counted(workers):
    """The executor of a context manager, counted."""
    with workers as executor:
        yield Counted(executor)
