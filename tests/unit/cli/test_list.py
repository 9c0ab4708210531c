"""The subcommand list."""

import re

import brainunit as u
from braintools.surrogate import Sigmoid

from braintools_qps import list_surrogates, register_surrogate
from braintools_qps.__main__ import main
from braintools_qps._comparison import TASKS


def listed(capsys, *options):
    """Lines of names, each followed by one of its description: both are wrapped for a terminal."""
    assert main(["list", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
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
    assert descriptions[heads.index(ours)].startswith(" The q-PseudoSpike")
    # Whose it is, not who publishes the name
    assert {rows[name].split()[1] for name in ("Sigmoid", "S2NN", "Arctan")} == {"braintools"}
    assert "]_" not in "".join(lines)  # no pointers to references that are not shown


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
