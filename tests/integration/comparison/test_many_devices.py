"""The devices of one machine: eight virtual ones train what one trains."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "runs_on_devices.py"
EPS = np.finfo(np.float32).eps
BATCHES = 6  # of 8, out of the 52 samples that are for training


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("runs_on_devices", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def on_eight(tmp_path_factory):
    path = tmp_path_factory.mktemp("devices") / "runs.npz"
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(path)],
        env=os.environ | flags | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=600,
    )
    return np.load(path)


@pytest.mark.thorough
@pytest.mark.parametrize(("runs", "most", "where"), [(5, 1, "5"), (20, 20, "20"), (5, 1, "kinds")])
def test_eight_devices_train_what_one_trains(runs, most, where, script, on_eight):
    """Bit by bit, if a device has as many runs at once: one of 5, and three of 20."""
    assert on_eight["devices"].tolist() == [8]
    alone = script.trained(runs, most)
    for name in ("weights", "score", "best", "tested"):
        np.testing.assert_array_equal(on_eight[f"{name}_{where}"], alone[name])
    # The mean over an epoch's batches may be summed in another order, which rounds each of its
    # n - 1 sums by at most half a unit in the last place, on either side.
    rounding = 2 * (BATCHES - 1) * EPS / 2
    np.testing.assert_allclose(on_eight[f"loss_{where}"], alone["loss"], rtol=rounding, atol=0)


@pytest.mark.thorough
def test_more_runs_at_once_are_rounded_otherwise(script, on_eight):
    """Three at once, as one device trains 5: sums are taken in another order."""
    alone = script.trained(5, 5)
    # A gradient sums over 8 samples and 6 steps, which rounds it by at most 48 half units, on
    # either side. A step moves a weight by about the learning rate, at most 0.3.
    rounding = BATCHES * script.EPOCHS * 0.3 * 48 * EPS
    np.testing.assert_allclose(on_eight["weights_5"], alone["weights"], rtol=0, atol=rounding)
    np.testing.assert_array_equal(on_eight["score_5"], alone["score"])
