"""The protocol names the problems that the benchmarks have, each in its half."""

import re
from pathlib import Path

from benchmarks.problems import PROBLEMS

PAGE = Path(__file__).parents[2] / "docs/results/protocol.md"


def test_the_protocol_lists_exactly_the_problems_of_the_benchmarks():
    rows = re.findall(r"^\| (development|held out) \| (.+?) \|.* (\d+) \|$", PAGE.read_text(), re.M)
    listed = [(half == "held out", name, int(epochs)) for half, name, epochs in rows]
    assert listed == [(p.held_out, p.name, p.epochs) for p in PROBLEMS]


def test_no_data_set_is_in_both_halves():
    data = {
        half: {p.name.split(",")[0].split(" ")[0] for p in PROBLEMS if p.held_out is half}
        for half in (True, False)
    }
    assert not data[True] & data[False]
