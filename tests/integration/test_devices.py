"""Many devices, with JAX's own engine: eight virtual ones on the CPU, in a process of their own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("digits", reason="brainpy or scikit-learn is not installed")

TESTS = Path(__file__).parents[1]
SCRIPTS = Path(__file__).parent / "scripts"


def start(script, *arguments, devices=1):
    """A Python process that sees ``devices`` CPU devices."""
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(TESTS),
        "PYTHONWARNINGS": "ignore",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    return subprocess.Popen(
        [sys.executable, SCRIPTS / script, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, seconds=240):
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
def test_two_processes_train_to_the_weights_of_one(tmp_path, free_port):
    """jax.distributed over the loopback interface, half of every batch on each side."""
    results = {name: tmp_path / f"{name}.npz" for name in ("0", "1", "alone")}
    pair = [start("distributed.py", rank, results[rank], free_port) for rank in ("0", "1")]
    for process in pair:
        finish(process)
    finish(start("distributed.py", "alone", results["alone"]))
    alone, *both = (np.load(results[name]) for name in ("alone", "0", "1"))
    for name in alone:
        for weights in both:
            # The sum over a batch is taken in another order.
            np.testing.assert_allclose(weights[name], alone[name], rtol=0, atol=2e-5)
