"""The devices of one machine: eight virtual ones train what one trains."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import another_cpu
import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "runs_on_devices.py"
BATCHES = 6  # of 8, out of the 52 samples that are for training


@pytest.mark.thorough
def test_eight_devices_train_what_one_trains(tmp_path):
    spec = importlib.util.spec_from_file_location("runs_on_devices", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(tmp_path / "runs.npz")],
        env=another_cpu.with_devices(8) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=600,
    )
    on_eight, alone = np.load(tmp_path / "runs.npz"), script.trained()
    assert on_eight["devices"].tolist() == [8]
    for name in ("score", "best", "tested"):
        np.testing.assert_array_equal(on_eight[name], alone[name])
    # XLA may take sums in another order in another program. A gradient sums over 8 samples and 6
    # steps, which rounds it by at most 48 half units, on either side. A step moves a weight by
    # about the learning rate, at most 0.3.
    rounding = BATCHES * script.EPOCHS * 0.3 * 48 * np.finfo(np.float32).eps
    for name in ("weights", "loss"):
        np.testing.assert_allclose(on_eight[name], alone[name], rtol=0, atol=rounding)
