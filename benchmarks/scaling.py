"""Scaling: a comparison on one core, two cores, two devices, and on workers.

All of them train the demonstration network of `compare` (64 neurons, 8 steps, 280 samples) and
are compiled and warm before they are timed; *compile* is what the first training took longer.
"To bound" compares with the first contestant of each table, so that half of it is what two
cores can do at best. A worker of two has one core to itself. What an executor adds to a task is
measured with tasks that do nothing but carry a group of six runs there and its curves back: 100 of
them sent together, in seconds for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from braintools_qps._comparison.workers import Journal, Workplace, dask_workers, local_workers
from braintools_qps._comparison.workers.remote import RemotePrograms

from . import scaling_model
from .harness import Case, Measurement, Ready, Settings
from .scaling_work import SPEC, echo, jobs_of, pin, workload

ROOT = Path(__file__).parent.parent
CORES, RUNS, TASK = "On two cores", "From 4 to 256 runs", "What an executor adds to a task"
TASKS, EPOCHS = 100, 5


def cases(settings: Settings) -> Iterator[Case]:
    """How it spreads, how it grows, and what moving it costs."""
    runs, epochs = (6, 10) if settings.quick else (12, 50)
    yield Case(
        CORES,
        f"{runs} runs of {epochs} epochs",
        {
            "one core": _alone(runs, epochs, cores=1),
            "two cores": _alone(runs, epochs),
            "two cores as two CPU devices": _alone(runs, epochs, devices=2),
            "one worker on one core": _pool(1, runs, epochs),
            "two workers on a core each": _pool(2, runs, epochs),
        },
        bound="one core",
    )
    numbers = (4, 16) if settings.quick else (4, 16, 64, 256)
    yield Case(
        RUNS,
        f"{EPOCHS} epochs",
        {f"{n} runs": _alone(n, EPOCHS) for n in numbers},
        bound=f"{numbers[0]} runs",
    )
    executors = {
        "a thread": lambda: ThreadPoolExecutor(1),
        "two local workers": lambda: local_workers(2),
        "a process pool of two": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
        "Dask, two workers": _dask,
    }
    contestants = {name: _messenger(open_one) for name, open_one in executors.items()}
    yield Case(TASK, f"{TASKS} tasks sent together", contestants)


def conclusion(measurements: list[Measurement]) -> dict[str, Any]:
    """A model on paper, with the constants that were measured."""
    median = {
        (m.table, m.contestant): m.quartiles_s[1] for m in measurements if m.quartiles_s is not None
    }
    compile_s = {m.contestant: m.compile_s for m in measurements if m.table == CORES}
    runs = sorted(
        (int(name.split()[0]), seconds)
        for (table, name), seconds in median.items()
        if table == RUNS
    )
    (few, short), (many, long) = runs[0], runs[-1]
    return scaling_model.conclusion(
        epoch_s=(long - short) / (many - few) / EPOCHS,
        compile_s=compile_s["two cores"] or 0.0,
        task_s=median[TASK, "Dask, two workers"],
    )


def _alone(runs: int, epochs: int, *, cores: int = 2, devices: int = 1) -> Callable[[], Ready]:
    """A process with so many cores and devices, which answers each line with its seconds."""

    def start() -> Ready:
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling_work", *map(str, (runs, epochs, cores))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | {"XLA_FLAGS": _flags(devices)},
        )
        ask = lambda: _ask(worker)
        try:
            return Ready(ask, compile_s=ask(), close=lambda: worker.communicate(""))
        except RuntimeError:
            worker.kill()
            raise

    return start


def _flags(devices: int) -> str:
    """Those that are set, and so many CPU devices."""
    count = f"--xla_force_host_platform_device_count={devices}"
    return f"{os.environ.get('XLA_FLAGS', '')} {count}".strip()


def _pool(workers: int, runs: int, epochs: int) -> Callable[[], Ready]:
    """The standard library's pool, each of its processes on one core."""

    def start() -> Ready:
        context = get_context("spawn")
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=pin, initargs=(context.Value("i", 0),)
        )
        workplace = Workplace(pool, workload(), Journal(None, resume=False))

        def sample() -> float:
            begin = time.perf_counter()
            jobs = jobs_of(runs)
            RemotePrograms(workplace, SPEC).train(jobs, epochs, lambda done, loss: None)
            return time.perf_counter() - begin

        first = sample()
        return Ready(sample, compile_s=first - sample(), close=pool.shutdown)

    return start


def _messenger(open_one: Callable[[], Any]) -> Callable[[], Ready]:
    """Sends tasks that are as large as real ones and do nothing."""

    def start() -> Ready:
        stack = ExitStack()
        executor: Executor = stack.enter_context(open_one())
        workplace = Workplace(executor, workload(), Journal(None, resume=False))
        errands = (workplace.errand("train", SPEC, jobs_of(6), n, False) for n in count())

        def sample() -> float:
            begin = time.perf_counter()
            futures = [executor.submit(echo, next(errands)) for _ in range(TASKS)]
            assert all(len(future.result().value[0]) == 6 for future in futures)
            return (time.perf_counter() - begin) / TASKS

        sample()
        return Ready(sample, close=stack.close)

    return start


@contextmanager
def _dask() -> Iterator[Executor]:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        dask_workers(cluster.scheduler_address) as executor,
    ):
        yield executor


def _ask(worker: subprocess.Popen) -> float:
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write("\n")
    worker.stdin.flush()
    answer = worker.stdout.readline().strip()
    try:
        return float(answer)
    except ValueError:
        raise RuntimeError(answer or f"the worker ended with {worker.wait()}") from None
