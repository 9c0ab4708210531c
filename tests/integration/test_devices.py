"""Another CPU, in a process of its own: eight virtual devices, two processes, an old processor."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import another_cpu
import digits
import numpy as np
import pytest

from braintools_qps import QPseudoSpike

SCRIPTS = Path(__file__).parent / "scripts"


def start(*arguments, environment):
    """A Python process with the path of this one, tests/ included."""
    quiet = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment | quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes, seconds=900):
    try:
        outputs = [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes), outputs


@pytest.mark.thorough
def test_eight_devices():
    finish(start(SCRIPTS / "eight_devices.py", environment=another_cpu.with_devices(8)))


OLD = """
import jax
from braintools_qps import QPseudoSpike
from braintools_qps.testing import check_surrogate

# (1 + 2 / 3)^-2 = 9 / 25; bfloat16 has eight bits
assert abs(jax.grad(QPseudoSpike(2.0, residual_dtype="bfloat16"))(1.0) - 0.36) < 0.36 * 2**-8
check_surrogate("QPseudoSpike")
"""


@pytest.mark.thorough
def test_what_needs_no_float16_works_on_x86_without_f16c():
    finish(start("-c", OLD, environment=another_cpu.environment("--xla_cpu_max_isa=SSE4_2")))


@pytest.fixture
def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.mark.thorough
def test_two_processes_train_by_the_gradients_of_one(tmp_path, free_port):
    """jax.distributed over the loopback interface, half of every batch on each side.

    At every step the gradient is that of the whole batch at these weights in one process: after
    several steps of Adam, which divides by small gradients, no bound would be left.
    """
    results = [tmp_path / f"{rank}.npz" for rank in (0, 1)]
    script, one = SCRIPTS / "two_processes.py", another_cpu.with_devices(1)
    pair = [start(script, rank, results[rank], free_port, environment=one) for rank in (0, 1)]
    finish(*pair)
    kept, other = (dict(np.load(result)) for result in results)
    for name in kept:
        np.testing.assert_array_equal(kept[name], other[name])
    images, labels = digits.load()
    for step in range(3):
        batch = [data[128 * step :][:128] for data in (images, labels)]
        weights, together = (
            {name: kept[f"{kind} {step} {name}"] for name in digits.initial_weights()}
            for kind in ("weights", "gradient")
        )
        alone = digits.gradient(weights, *batch, surrogate=QPseudoSpike())
        allowed = digits.gradient_tolerances(weights, *batch, QPseudoSpike())
        for name, atol in allowed.items():
            np.testing.assert_allclose(together[name], alone[name], rtol=0, atol=atol)
