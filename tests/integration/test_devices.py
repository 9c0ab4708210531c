"""Many devices, with JAX's own engine: eight virtual ones on the CPU, in a process of their own."""

import socket
import subprocess
import sys
from pathlib import Path

import another_cpu
import numpy as np
import pytest

from braintools_qps import QPseudoSpike

digits = pytest.importorskip("digits", reason="brainpy or scikit-learn is not installed")

TESTS = Path(__file__).parents[1]
SCRIPTS = Path(__file__).parent / "scripts"


def start(script, *arguments, devices=1):
    """A Python process that sees ``devices`` CPU devices."""
    quiet = {"PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, SCRIPTS / script, *map(str, arguments)],
        env=another_cpu.with_devices(devices) | quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, seconds=900):
    try:
        output, _ = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert process.returncode == 0, output
    return output


@pytest.mark.thorough
def test_eight_devices():
    finish(start("eight_devices.py", devices=8))


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
    pair = [start("distributed.py", rank, results[rank], free_port) for rank in (0, 1)]
    for process in pair:
        finish(process)
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
        allowed = digits.gradient_tolerances(weights, *batch, QPseudoSpike(), flipped_spikes=1)
        for name, atol in allowed.items():
            np.testing.assert_allclose(together[name], alone[name], rtol=0, atol=atol)
