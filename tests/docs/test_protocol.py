"""The protocol names the problems that the benchmarks have, each in its half."""

import re
from pathlib import Path

import pytest

from benchmarks.problems import PROBLEMS

PAGE = Path(__file__).parents[2] / "docs/results/protocol.md"
ROW = re.compile(r"^\| (development|held out) \| (.+?) \| ([\d,]+) \| (\d+) \| (\d+) \|$", re.M)
LISTED = ROW.findall(PAGE.read_text("utf-8"))


def test_the_protocol_lists_exactly_the_problems_of_the_benchmarks():
    listed = [(half == "held out", name, int(epochs)) for half, name, _, _, epochs in LISTED]
    assert listed == [(p.held_out, p.name, p.epochs) for p in PROBLEMS]


def test_no_data_set_is_in_both_halves():
    data = {
        half: {p.name.split(",")[0].split(" ")[0] for p in PROBLEMS if p.held_out is half}
        for half in (True, False)
    }
    assert not data[True] & data[False]


@pytest.mark.thorough
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: one.name)
def test_samples_and_steps_are_those_that_the_protocol_says(problem):
    from braintools_qps import load_task

    try:
        task = load_task(problem.data())
    except ImportError as error:  # aeon is no dependency of the tests
        pytest.skip(str(error))
    (row,) = [one for one in LISTED if one[1] == problem.name]
    assert (sum(task.sizes), task.steps) == (int(row[2].replace(",", "")), int(row[3]))
