"""A Dask cluster of processes on this machine, started by Dask's own commands."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

PATIENCE = 120  # seconds until a process counts as lost
QUICKLY = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}


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
        """And all that they have started: Dask itself may wait for a worker that has died."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
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
                start_new_session=True,
            )
        self._processes.append(process)
