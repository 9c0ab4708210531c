"""10,000 runs on 100 machines, on paper: what the measured constants say about it.

A machine trains one task after the other, and compiles the programs of each kind of surrogate once.
The scheduler passes on one task after the other, while the machines train. The data goes to one
machine after the other.
"""

from __future__ import annotations

import math
from typing import Any

from braintools_qps._comparison.workers.worker import RUNS_PER_ERRAND

RUNS, EPOCHS, MACHINES = 10_000, 20, 100
KINDS = 4  # of surrogates, each of which every machine meets
DATA_BYTES, BYTES_A_SECOND = 50e6, 1e9 / 8  # assumed: a data set, a network of 1 Gbit/s
HEAVIER = 100  # times: another network


def conclusion(*, epoch_s: float, compile_s: float, task_s: float) -> dict[str, Any]:
    """Seconds of each part, for the network that was measured and for a heavier one.

    ``epoch_s`` is what one run takes for an epoch on a machine that is full of them, ``compile_s``
    what one kind takes to compile, ``task_s`` what the scheduler takes for a task.
    """
    tasks = math.ceil(RUNS / RUNS_PER_ERRAND)
    of_a_task = RUNS_PER_ERRAND * EPOCHS * epoch_s
    light, heavy = (parts(tasks, of_a_task * f, compile_s, task_s) for f in (1, HEAVIER))
    slowest = [max(each, key=each.__getitem__) for each in (light, heavy)]
    return {
        "title": f"On paper: {RUNS:,} runs of {EPOCHS} epochs on {MACHINES} machines",
        "measured": {"epoch_s": epoch_s, "compile_s": compile_s, "task_s": task_s},
        "assumed": {
            "kinds": KINDS, "runs_a_task": RUNS_PER_ERRAND, "data_bytes": DATA_BYTES,
            "bytes_a_second": BYTES_A_SECOND,
        },
        "columns": ["the network that was measured", f"one that takes {HEAVIER} times as long"],
        "seconds": {name: [light[name], heavy[name]] for name in light},
        "says": (
            f"With the network that was measured, what takes longest is {slowest[0]}; with one "
            f"that takes {HEAVIER} times as long, {slowest[1]}. The scheduler would be what "
            f"machines wait for from {of_a_task / task_s:,.0f} machines on, or from "
            f"{HEAVIER * of_a_task / task_s:,.0f}: so many times as long as it needs to pass on a "
            "task does a machine train at it."
        ),
    }  # fmt: skip


def parts(tasks: int, of_a_task: float, compile_s: float, task_s: float) -> dict[str, float]:
    """Seconds until all is done, by what they go to."""
    even = tasks * of_a_task / MACHINES
    return {
        "training, if it came out even": even,
        "waiting for the last task": math.ceil(tasks / MACHINES) * of_a_task - even,
        "compiling": KINDS * compile_s,
        "the scheduler, beside the training": tasks * task_s,
        "sending the data": MACHINES * DATA_BYTES / BYTES_A_SECOND,
    }
