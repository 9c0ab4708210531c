"""Kept runs are tried: what no digest sees of an experiment shows in its numbers.

Each pair of experiments ends with the numbers of the second, and then with those of the first
again. Pairs that the keys tell apart are in ``tests/unit/comparison/test_digest.py``.
"""

import logging
import re
import sys
import warnings
from types import ModuleType

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from comparison_models import plain
from helpers import thorough_but
from small_comparison import SMALL, X, Y, files, without_times

from braintools_qps import compare
from braintools_qps._comparison import packing, runs

OPTIONS = {"task": (X, Y), "epochs": 2, "seeds": [4], "tune": None, "progress": False}
ANEW = r"Kept runs of Sigmoid are of another network, data or score \(.*, now .*\): training anew"


class Gain(brainstate.nn.Module):
    """A network, behind a gain."""

    def __init__(self, gain, features, classes):
        super().__init__()
        self.gain = brainstate.LongTermState(jnp.float32(1.0 * gain))  # one program for all
        self.network = plain(features, classes)

    def update(self, x):
        return self.network(self.gain.value * x)


def compared(out=None, **options):
    """A comparison, and the warnings."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        comparison = compare(["Sigmoid"], out=out, **OPTIONS | options)
    assert {warning.filename for warning in warned} <= {__file__}  # of the line that calls
    return without_times(comparison), [str(warning.message) for warning in warned]


@pytest.fixture
def notebook(monkeypatch, tmp_path):
    """Runs a cell in a fresh notebook, and returns what it has defined as ``make``."""
    monkeypatch.chdir(tmp_path)

    def run(cell):
        main = ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", main)
        vars(main).update(Gain=Gain, np=np)
        exec(compile(cell, "<cell>", "exec"), vars(main))
        return main.make

    return run


MAKE = "def make(features, classes): return Gain({}, features, classes)"
EXPERIMENTS = {
    "a variable": ("N = {n}", "N"),
    "a file": ("with open('gain', 'w') as file: file.write('{n}')", "np.loadtxt('gain')[()]"),
}


def open_factory(n):
    """A factory in which nothing is hidden."""
    return lambda features, classes: Gain(n, features, classes)


@pytest.fixture(scope="module")
def with_two():
    """The numbers with a gain of 2."""
    return compared(model=open_factory(2))[0]


@pytest.mark.parametrize("name", thorough_but(["a variable"], EXPERIMENTS))
def test_what_no_digest_sees_is_found(name, notebook, tmp_path, with_two):
    setup, gain = EXPERIMENTS[name]
    make = lambda n: notebook(setup.format(n=n) + "\n" + MAKE.format(gain))
    first, none = compared(tmp_path, model=make(1))
    numbers, (said,) = compared(tmp_path, model=make(2))
    assert numbers == with_two != first
    assert none == []
    assert re.fullmatch(ANEW, said)
    before = files(tmp_path)
    assert len(before) == 2
    assert compared(tmp_path, model=make(1)) == (first, [])
    assert files(tmp_path) == before


GOALS = "import jax.numpy as jnp\nimport optax\nN = {n}\n"
LOSS = "def make(outputs, y): return N * (outputs**2).mean() + outputs[:, 0].mean()"
SCORE = "def make(outputs, y): return (outputs[:, 0] > N - 1.5).mean()"
RATE = "def make(learning_rate): return optax.sgd(learning_rate / N)"


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "cell"), [("loss", LOSS), ("score", SCORE), ("optimizer", RATE)])
def test_so_is_what_loss_score_and_optimizer_read(name, cell, notebook, tmp_path):
    make = lambda n: notebook(GOALS.format(n=n) + cell)
    first, _ = compared(tmp_path, **{name: make(1)})
    second, _ = compared(**{name: make(2)})
    assert first != second
    numbers, (said,) = compared(tmp_path, **{name: make(2)})
    assert numbers == second
    assert re.fullmatch(ANEW, said)


@pytest.fixture
def hidden(notebook):
    """Factories that have one key, whatever their gain."""
    return lambda n: notebook(f"N = {n}\n" + MAKE.format("N"))


@pytest.mark.thorough
def test_runs_of_each_call_are_tried(hidden, tmp_path):
    """Seeds of two experiments lie beside each other under keys that do not tell them apart."""
    compared(tmp_path, model=hidden(1), seeds=[4])
    compared(tmp_path, model=hidden(2), seeds=[0])
    for n in (1, 2):
        numbers, (said,) = compared(tmp_path, model=hidden(n), seeds=[4, 0])
        assert numbers == compared(model=open_factory(n), seeds=[4, 0])[0]
        assert re.fullmatch(ANEW, said)


@pytest.mark.thorough
def test_runs_that_cannot_be_tried_are_not_used(hidden, tmp_path, caplog):
    compared(tmp_path, model=hidden(1))
    before = files(tmp_path)
    with caplog.at_level(logging.INFO, "braintools_qps"), pytest.raises(TypeError, match="NoneT"):
        compared(tmp_path, model=hidden(None))
    assert "Kept runs of Sigmoid could not be tried: training anew." in caplog.messages
    assert files(tmp_path) == before


@pytest.mark.thorough
def test_a_run_in_training_is_tried_too(hidden, tmp_path, monkeypatch, with_two):
    write = runs.Runs.write_checkpoints

    def write_and_stop(store, checkpoints):
        write(store, checkpoints)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "SECONDS_BETWEEN", 0.0)
        patch.setattr(runs.Runs, "write_checkpoints", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            compared(tmp_path, model=hidden(1))
    assert len(files(tmp_path)) == 1
    assert compared(tmp_path, model=hidden(2)) == (with_two, [])


def rewrite(out, machine, factor):
    """As if a run had been kept on this machine, with a first loss larger by this factor."""
    (path,) = (out / "runs").iterdir()
    about, arrays = packing.unpacked(path.read_bytes())
    about["outcome"]["machine"] = machine or about["outcome"]["machine"]
    loss = arrays["loss"].copy()
    loss[0] *= factor
    path.write_bytes(packing.packed(about, arrays | {"loss": loss}))


ULP = float(np.finfo(np.float32).eps)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("machine", "factor", "is_used"),
    [(None, 1 + 2 * ULP, False), ("another", 1 + 2 * ULP, True), ("another", 1.01, False)],
)
def test_bits_may_differ_on_another_machine_alone(machine, factor, is_used, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="braintools_qps")
    compared(tmp_path)
    assert "Kept runs are tried" not in caplog.text
    rewrite(tmp_path, machine, factor)
    _, warned = compared(tmp_path)
    assert len(files(tmp_path)) == 2 - is_used
    assert len(warned) == 1 - is_used
    assert caplog.text.count("Kept runs are tried before they are used") == 1
    assert ("come out again within rounding (first loss" in caplog.text) == is_used


@pytest.mark.thorough
def test_a_network_of_another_form_is_another(tmp_path, notebook):
    cell = "N = {}\ndef make(features, outputs): return SMALL(features, outputs, hidden=N)"
    make = lambda n: notebook(f"from small_comparison import SMALL\n{cell.format(n)}")
    compared(tmp_path, model=make(4))
    numbers, (said,) = compared(tmp_path, model=make(6))
    assert re.fullmatch(ANEW, said)
    small = lambda features, outputs: SMALL(features, outputs, hidden=6)
    assert numbers == compared(model=small)[0]
