"""The commands compare and plot, as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from braintools_qps.__main__ import main

COMMAND = [sys.executable, "-m", "braintools_qps"]
QUICK = "compare --data mine.npz --seeds 1 --epochs 1 --out".split()


@pytest.fixture
def _mine(tmp_path, monkeypatch):
    """A working directory with data."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("mine.npz", X=rng.standard_normal((40, 4, 3)), y=np.arange(40) % 2)


@pytest.mark.thorough
@pytest.mark.usefixtures("_mine")
def test_a_comparison_of_arrays_of_the_user():
    options = "out --no-tune --option hidden=4 neuron=ALIF reset=hard --surrogates Sigmoid S2NN"
    command = [*COMMAND, *QUICK, *options.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "26/6/8 samples" in done.stdout
    assert "one seed" in done.stdout
    assert "the same command goes on" in done.stderr.splitlines()[0]
    out = Path("out")
    values = json.loads((out / "comparison.json").read_text())
    assert [spec["name"] for spec in values["candidates"]] == ["Sigmoid", "S2NN"]
    assert values["settings"]["options"] == {"hidden": 4, "neuron": "ALIF", "reset": "hard"}
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "<pre>braintools-qps compare " in (out / "comparison.html").read_text()
    assert len((out / "comparison.csv").read_text().splitlines()) == 3


@pytest.mark.thorough
@pytest.mark.usefixtures("_mine")
def test_a_model_of_the_user():
    model = "comparison_models:plain"
    options = f"out --model {model} --option hidden=6 --tune dampening=1,1/4 clip=0.5 --readout 2"
    assert main([*QUICK, *options.split(), "--surrogates", "Sigmoid"]) == 0
    record = json.loads(Path("out/comparison.json").read_text())
    settings = record["settings"]
    assert settings["model"] == model
    assert settings["options"] == {"hidden": 6}
    assert settings["tune"] == {"dampening": [1, 0.25], "clip": [0.5]}
    assert record["task"]["readout"] == 2
    assert record["results"][0]["setting"]["dampening"] in (1, 0.25)


@pytest.mark.thorough
@pytest.mark.usefixtures("_mine")
def test_neither_a_full_stderr_nor_a_path_that_is_no_text_ends_it():
    out = os.fsdecode(b"out\xff")
    command = [*COMMAND, *QUICK, out, "--no-tune", "--surrogates", "Sigmoid"]
    with open("/dev/full", "w") as full:
        subprocess.run(command, stderr=full, stdout=subprocess.DEVNULL)
    assert Path(out, "comparison.html").exists()


def test_plot(tmp_path):
    path = tmp_path / "figure.pdf"
    assert main(["plot", "Sigmoid", "QPseudoSpike(alpha=1.5)", "--out", str(path)]) == 0
    assert path.read_bytes().startswith(b"%PDF")
