"""Packing happens where the spikes are: eight virtual devices, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "scripts" / "spikes_on_eight_devices.py"


def test_no_new_collectives():
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "PYTHONWARNINGS": "ignore",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
    }
    run = subprocess.run(
        [sys.executable, SCRIPT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout
