"""The subcommand list."""

import re

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import get_surrogate, list_surrogates, register_surrogate
from braintools_qps.__main__ import main
from braintools_qps._cli.list import SHAPES
from braintools_qps._comparison import TASKS
from braintools_qps._defaults import ADVICE


def listed(capsys, *options):
    """Lines of names, each followed by one of its description: both are wrapped for a terminal."""
    assert main(["list", *options]) == 0
    out = capsys.readouterr().out
    if not options:
        out, _, advice = out.rpartition("\n\n")
        assert " ".join(advice.split()) == ADVICE
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    whole = re.sub(r"\n        (?=\S)", " ", "\n".join(lines))
    entries = re.findall(r"^(\S.*)((?:\n    \S.*|\n$)*)", whole, re.M)
    return [line for head, below in entries for line in (head, below.replace("\n    ", " "))]


def test_a_line_for_each_surrogate_with_its_description_below(capsys):
    lines = listed(capsys)
    heads, descriptions = lines[::2], lines[1::2]
    rows = {row.split()[0]: row for row in heads}
    assert list(rows) == list_surrogates()
    ours = "QPseudoSpike  braintools-qps  alpha=2.0, scale=None, dampening=1.0, residual_dtype=None"
    assert rows["QPseudoSpike"] == ours
    assert descriptions[heads.index(ours)].strip() == "peak, tail 1 / x^alpha"
    # Whose it is, not who publishes the name
    assert {rows[name].split()[1] for name in ("Sigmoid", "S2NN", "Arctan")} == {"braintools"}


def test_the_tails_are_as_fat_as_the_list_says():
    for name, shape in SHAPES.items():
        if tail := re.search(r"tail 1 / x\^?(\d?)$", shape):
            near, far = get_surrogate(name).surrogate_grad(jnp.float32([1e3, 1e4]))
            assert np.log10(near / far) == pytest.approx(int(tail[1] or 1), abs=0.01)


def test_every_task_is_listed_with_what_its_data_are(capsys):
    lines = listed(capsys, "--tasks")
    described = dict(zip(lines[::2], map(str.strip, lines[1::2])))
    assert described.keys() == TASKS.keys()
    assert "16 steps of 8 features" in described["digits-rows"]
    assert all(described.values())


def test_parameters_without_default_and_of_any_type_are_text(capsys):
    @register_surrogate
    class Odd(Sigmoid):
        def __init__(self, required, mode=len, text="1e5", scale=15 * u.mV):
            super().__init__()

    lines = listed(capsys)
    here = __name__.partition(".")[0].replace("_", "-")
    odd = f"Odd  {here}  required, mode={len!r}, text=1e5, scale=15 mV"
    assert lines[lines.index(odd) + 1].strip() == ""  # its own docstring, not that of its base
