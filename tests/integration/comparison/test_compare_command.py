"""The command compare, as a user runs it, and what `compare` says on stderr."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_comparison import NAMES, OPTIONS

from braintools_qps import compare
from braintools_qps.__main__ import main

QUICK = "compare --data mine.npz --seeds 1 --epochs 1 --out".split()


@pytest.fixture
def _mine(tmp_path, monkeypatch):
    """A working directory with data."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("mine.npz", X=rng.standard_normal((40, 4, 3)), y=np.arange(40) % 2)


@pytest.mark.thorough
@pytest.mark.usefixtures("_mine")
def test_a_comparison_of_arrays_and_a_model_of_the_user(capsys):
    options = "--option hidden=6 --tune dampening=1,1/4 clip=0.5 --readout 2"
    options = ["--model", "comparison_models:plain", *options.split()]
    assert main([*QUICK, "out", *options, "--surrogates", "Sigmoid", "S2NN"]) == 0
    shown, out = capsys.readouterr(), Path("out")
    assert "26/6/8 samples" in shown.out
    assert "one seed" in shown.out
    assert "the same command goes on" in shown.err.splitlines()[0]
    record = json.loads((out / "comparison.json").read_text())
    settings = record["settings"]
    assert [spec["name"] for spec in record["candidates"]] == ["Sigmoid", "S2NN"]
    assert settings["model"] == "comparison_models:plain"
    assert settings["options"] == {"hidden": 6}
    assert settings["tune"] == {"dampening": [1, 0.25], "clip": [0.5]}
    assert record["task"]["readout"] == 2
    assert record["results"][0]["setting"]["dampening"] in (1, 0.25)
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "<pre>braintools-qps compare " in (out / "comparison.html").read_text()
    assert len((out / "comparison.csv").read_text().splitlines()) == 3


@pytest.mark.thorough
@pytest.mark.usefixtures("_mine")
def test_neither_a_full_stderr_nor_a_path_that_is_no_text_ends_it():
    out, options = os.fsdecode(b"out\xff"), "--no-tune --option hidden=4 neuron=ALIF reset=hard"
    command = [*QUICK, out, *options.split(), "--surrogates", "Sigmoid"]
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "braintools_qps", *command]
        subprocess.run(command, stderr=full, stdout=subprocess.DEVNULL)
    assert Path(out, "comparison.html").exists()
    settings = json.loads(Path(out, "comparison.json").read_text())["settings"]
    assert settings["options"] == {"hidden": 4, "neuron": "ALIF", "reset": "hard"}


def test_what_is_trained_is_said_before_and_how_long_after_the_first_group(tmp_path, capsys):
    lines = []
    note = lambda comparison: lines.extend(capsys.readouterr().err.splitlines())
    tune = {"learning_rate": (0.1, 0.03)}
    options = OPTIONS | {"batch_size": 16, "tune": tune, "seeds": 1}
    options |= {"out": tmp_path, "callback": note}
    compare(NAMES, **options)
    assert lines[0] == "2 surrogates x 2 settings x 1 seed: 4 runs"
    assert re.fullmatch(r"2 runs in \d+ s: about \d+ s for the other 2", lines[1])
    assert len(lines) == 2
    lines.clear()
    compare(NAMES[:1], **options | {"seeds": 2})
    found = f"4 runs. Found in {tmp_path}: 2 finished runs"
    assert lines[0] == f"1 surrogate x 2 settings x 2 seeds: {found}"
    compare(NAMES[:1], **options | {"progress": False, "seeds": 2})
    assert lines[1:] == []


def test_without_out_that_results_are_not_saved_and_how_large_a_batch_is(capsys):
    compare(NAMES[:1], **OPTIONS | {"batch_size": 64, "seeds": 1, "epochs": 1})
    assert capsys.readouterr().err.splitlines() == [
        "batch_size=64: a batch holds all 52 samples to train on",
        "1 surrogate x 1 setting x 1 seed: 1 run. Results are not saved: pass out= to save them",
    ]
