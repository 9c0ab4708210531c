"""The devices of one machine train what one device trains, ordinary layers included."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import another_cpu
import numpy as np
import pytest

from braintools_qps import Comparison

SCRIPT = Path(__file__).parents[1] / "scripts" / "ordinary_model.py"
BATCHES = 6  # of 8, out of the 52 samples that are for training


def script():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def alone():
    return script().compared()


def run(devices, *arguments):
    paths = os.pathsep.join([*sys.path, str(SCRIPT.parent)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, arguments)],
        env=another_cpu.with_devices(devices) | {"PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
def test_eight_devices_train_what_one_trains(tmp_path, alone):
    run(8, SCRIPT, tmp_path / "result.json", 8)
    together = Comparison.from_json((tmp_path / "result.json").read_text())
    assert together.environment["device"].endswith(", 8 of them")
    # XLA may take sums in another order in another program. A gradient sums over 8 samples and 6
    # steps, which rounds it by at most 48 half units, on either side. A step moves a weight by
    # about the learning rate.
    module = script()
    rounding = BATCHES * module.EPOCHS * module.RATE * 48 * np.finfo(np.float32).eps
    for ours, expected in zip(together.results, alone.results, strict=True):
        assert ours.error is None
        np.testing.assert_array_equal(ours.scores.test, expected.scores.test)
        np.testing.assert_allclose(ours.curves.loss, expected.curves.loss, rtol=0, atol=rounding)


@pytest.mark.thorough
def test_the_command_starts_a_worker_of_several_devices_that_trains_ordinary_layers(tmp_path):
    X, y = script().data()
    np.savez(tmp_path / "data.npz", X=X, y=y)
    run(
        2, "-m", "braintools_qps", "compare", "--workers", 1, "--surrogates", "Sigmoid",
        "--model", "ordinary_model:Network", "--data", tmp_path / "data.npz", "--no-tune",
        "--seeds", 3, "--epochs", 1, "--out", tmp_path / "out",
    )  # fmt: skip
    (result,) = Comparison.from_json((tmp_path / "out" / "comparison.json").read_text()).results
    assert result.error is None
    assert np.isfinite(result.scores.test).all()
