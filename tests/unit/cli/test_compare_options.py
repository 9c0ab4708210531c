"""Options of compare that say what to train, on what, how and where."""

import argparse
import math
import re
import sys

import distributed
import numpy as np
import pytest
from helpers import status

from braintools_qps._cli import compare as command
from braintools_qps._cli.data import factory_of
from braintools_qps._comparison import connected


def parsed(command, arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["--seeds", "3", "--no-tune"], {"seeds": 3, "tune": None}),
        (["--seeds", "1,4,7-8"], {"seeds": [1, 4, 7, 8]}),
        (["--tune", "alpha=2,inf", "--tune", "clip=1/4"],
         {"tune": {"alpha": (2, math.inf), "clip": (0.25,)}}),
        (["--learning-rate", "0.01", "--tune", "clip=1"],
         {"learning_rate": 0.01, "tune": {"clip": (1,)}}),
        (["--prepare"], {"prepare": True}),
    ],
)  # fmt: skip
def test_what_was_not_given_is_left_to_compare(arguments, given):
    arguments = parsed(command, arguments)
    arguments.quiet = False  # every command has it
    usual = {"out": "comparison", "fresh": False, "prepare": False, "progress": True}
    assert command._options(arguments) == usual | given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "workers must be 1 or more, got 0"),
        (["--scheduler", "tcp://localhost:1"], "pip install 'braintools-qps[cluster]'"),
        (["--learning-rate", "0.01"], "Add --no-tune, or give --tune learning_rate=0.01"),
        (["--option", "hidden=3", "--tune", "hidden=2,4"], "hidden is both an --option and tuned"),
        (["--model", "math:rows"], "model of math:rows: module 'math' has no attribute 'rows'"),
        (["--model", "math"], "a model is given as module:factory, got 'math'. Name the function"),
        (["--model", "my-net:Net"], "as module:factory, got 'my-net:Net'. Name both"),
        (["--tune", "alpha=1", "--tune", "alpha=2"], "--tune: is given as NAME=VALUE,VALUE, each"),
        (["--seeds", "1,9-5"], "seeds run upwards, as in 5-9, got '1,9-5'"),
        (["--seeds", "1" * 5000], "by name, as in 5-9 or 1,4,7, got '111"),
        (["--model", "comparison_models:exits"], "must return a brainstate model, got SystemExit"),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_anything_is_trained(
    arguments, message, monkeypatch, capsys, tmp_path
):
    if "--scheduler" in arguments:
        monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.chdir(tmp_path)
    np.savez("arrays.npz", X=np.ones((8, 3, 2)), y=np.arange(8) % 2)
    assert status("compare", *arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert message in line
    assert len(line) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["arrays.npz"]


@pytest.mark.parametrize("address", ["foo", "tcp://localhost:port"])
def test_what_is_no_address_is_refused_before_dask_connects(address, monkeypatch):
    monkeypatch.setattr(distributed, "Client", None)
    with pytest.raises(ValueError, match=rf"scheduler must be .*'{address}': .* tcp://localhost:8"):
        connected(address).__enter__()


# The function that --model names


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A folder with a module, which is forgotten afterwards."""
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "mine.py").write_text("def make(): return 'made'")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield folder
    for name in ("mine", "nets", "nets.mine"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("here", "path", "meant"),
    [
        (".", "{nets}/mine.py", "nets.mine:make"), ("nets", "{nets}/mine.py", "mine:make"),
        (".", "./nets/mine.py", "nets.mine:make"), ("other", "../nets/mine.py", "mine:make"),
    ],
)  # fmt: skip
def test_the_hint_for_a_path_works_as_it_says(here, path, meant, nets, tmp_path, monkeypatch):
    folder = tmp_path / here
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="Did you mean") as caught:
        factory_of(path.format(nets=nets) + ":make")
    *_, hint = str(caught.value).partition("Did you mean ")
    assert re.findall("'(.*?)'", hint)[0] == meant
    assert hint.endswith(", run in its folder?") == (here == "other")
    if here == "other":
        monkeypatch.chdir(nets)
    assert factory_of(meant)() == "made"
