"""The commands compare and plot, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from braintools_qps.__main__ import main

COMMAND = [sys.executable, "-m", "braintools_qps"]


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options
    )


@pytest.mark.thorough
def test_compare_quick(tmp_path):
    done = run("compare", "--quick", "--surrogates", "Sigmoid", "S2NN", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1169/269/359 samples" in done.stdout
    assert "one seed" in done.stdout
    assert "run 2/2" in done.stderr  # the progress bar
    out = tmp_path / "comparison"
    values = json.loads((out / "comparison.json").read_text())
    assert [spec["name"] for spec in values["candidates"]] == ["Sigmoid", "S2NN"]
    assert min(values["results"][0]["scores"]["test"]) > 0.3  # chance is 0.1
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "<pre>braintools-qps compare " in (out / "comparison.html").read_text()
    assert len((out / "comparison.csv").read_text().splitlines()) == 3


@pytest.mark.thorough
def test_arrays_of_the_user_with_other_neurons_and_resume(own_data, capsys):
    options = [*own_data, "--option", "hidden=8", "neuron=ALIF", "reset=hard"]
    assert main([*options, "--surrogates", "Sigmoid"]) == 0
    assert main([*options, "--resume", "--surrogates", "Sigmoid", "QPseudoSpike"]) == 0
    results = json.loads(Path("out/comparison.json").read_text())["results"]
    assert [result["label"] for result in results] == ["Sigmoid", "QPseudoSpike"]
    assert main([*options, "--resume", "--seeds", "2"]) == 2
    assert "were made with different seeds" in capsys.readouterr().err


@pytest.mark.thorough
def test_results_are_shown_where_a_drawing_cannot_be_written(own_data, capsys):
    options = [*own_data, "--option", "hidden=4", "--surrogates", "Sigmoid"]
    assert main(options) == 0
    options.append("--resume")
    for name in ("comparison.png", "comparison.html"):
        path = Path("out") / name
        path.unlink()
        path.mkdir()
        capsys.readouterr()
        assert main(options) == 2
        said = capsys.readouterr()
        assert "Sigmoid " in said.out
        assert f"{name} could not be written: " in said.err
        assert "The results above are saved in comparison.json" in said.err
        path.rmdir()
    assert main(options) == 0
    assert path.stat().st_size > 1000


FACTORY = """
import brainstate
from braintools_qps import QPseudoSpike

class Neurons(brainstate.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size, self.spk_fun = size, QPseudoSpike()
    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(brainstate.random.rand(batch_size, self.size))
    def update(self, x):
        self.V.value = 0.5 * self.V.value + x
        return self.spk_fun(self.V.value - 1)

def network(features, classes, size=4):
    linear = brainstate.nn.Linear
    layers = linear(features, size), Neurons(size), linear(size, classes)
    return brainstate.nn.Sequential(*layers)
"""


@pytest.mark.thorough
def test_a_model_of_the_user_for_compare_and_flow(own_data, monkeypatch):
    Path("mine.py").write_text(FACTORY)
    monkeypatch.syspath_prepend("")
    options = ["--model", "mine:network", "--option", "size=6", "--tune", "dampening=1,1/4"]
    options += ["clip=0.5", "--readout", "2", "--surrogates", "Sigmoid"]
    assert main([*own_data, *options]) == 0
    record = json.loads(Path("out/comparison.json").read_text())
    settings = record["settings"]
    assert settings["model"] == "mine:network"
    assert settings["options"] == {"size": 6}
    assert settings["tune"] == {"dampening": [1, 0.25], "clip": [0.5]}
    assert record["task"]["readout"] == 2
    assert record["results"][0]["setting"]["dampening"] in (1, 0.25)
    assert main(["flow", "--model", "mine:network"]) == 0


@pytest.mark.thorough
def test_a_second_run_keeps_what_the_first_has_written(own_data, capsys):
    for alpha in (2, 4):
        assert main([*own_data, "--surrogates", f"QPseudoSpike(alpha={alpha})"]) == 0
    kept = "comparison-1.json, comparison-1.csv, comparison-curves-1.csv, comparison-trials-1.csv"
    assert f"The earlier comparison in out is kept as {kept}" in capsys.readouterr().err
    assert "alpha=2" in Path("out/comparison-1.csv").read_text()
    assert "alpha=4" in Path("out/comparison.csv").read_text()


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """Arguments of a comparison that takes no time."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("mine.npz", X=rng.standard_normal((40, 4, 3)), y=np.arange(40) % 2)
    options = "compare --data mine.npz --quick --epochs 1 --out out"
    return options.split()


@pytest.mark.thorough
@pytest.mark.parametrize("workers", [[], ["--workers", "1"]], ids=["here", "workers"])
def test_ctrl_c_keeps_what_is_finished(workers, own_data):
    """What is kept was said when the run started; workers end with the one who started them."""
    command = [*COMMAND, *own_data, "--epochs", "100000", "--surrogates", "Sigmoid", *workers]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    assert "the same command with --resume" in process.stderr.readline()
    running = Path("out/comparison.running.msgpack")
    while not (workers or running.exists()):  # the first checkpoint
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    rest = process.communicate(timeout=60)[1]  # until the workers, too, have closed it
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in rest
    if not workers:
        assert json.loads(Path("out/comparison.json").read_text())["results"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surrogates", "Sigmoit"], "Sigmoid"),
        (["--data", "absent.npz"], "absent.npz"),
        (["--option", "hidden=0"], "hidden must be 1 or more, got 0"),
        (["--option", "neuron=HH"], "Take LIF or ALIF"),
        (["--surrogates", "QPseudoSpike(scale='15 mV')"], "got x without unit and scale=15.0 mV"),
        (["--task", "digit-rows"], "task must be one of digits-rows, "),
        (["--model", "math:floor"], "in the model of math:floor: "),
        (["--model", "math:rows"], "math has no function 'rows'"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--quick", "--out", "results/of/mine", *arguments]) == 2
    (*_, line) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surrogates", "Sigmoit"], "no surrogate is called 'Sigmoit'"),
        (["--epochs", "0"], "epochs must be 1 or more"),
        (["--out", "taken"], "out must be a directory that can be written to"),
    ],
)
def test_no_model_is_blamed_for_other_mistakes(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    model = "braintools_qps._comparison:demonstration"
    assert main(["compare", "--quick", "--model", model, *arguments]) == 2
    (*_, line) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "in the model of" not in line


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_plot(suffix, start, tmp_path):
    path = tmp_path / f"figure.{suffix}"
    assert main(["plot", "Sigmoid", "QPseudoSpike(alpha=1.5)", "--out", str(path)]) == 0
    assert path.read_bytes().startswith(start)
