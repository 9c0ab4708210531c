"""Packing happens where the spikes are: eight virtual devices, in a process of their own."""

import subprocess
import sys
from pathlib import Path

import another_cpu
import pytest

SCRIPT = Path(__file__).parent / "scripts" / "spikes_on_eight_devices.py"


@pytest.mark.thorough
def test_no_new_collectives():
    run = subprocess.run(
        [sys.executable, SCRIPT],
        env=another_cpu.with_devices(8) | {"PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout
