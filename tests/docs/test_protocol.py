"""The protocol names the problems that the benchmarks have, each in its half."""

import re
from pathlib import Path

import pytest

from benchmarks.problems import PROBLEMS

PAGE = Path(__file__).parents[2] / "docs/results/protocol.md"
# Half, name, samples, steps, in the second wave the neurons, epochs
ROW = re.compile(
    r"^\| (development|held out) \| (.+?) \| ([\d,]+) \| (\d+) \|(?: [\d \u00d7]+ \|)? (\d+) \|$",
    re.M,
)
LISTED = ROW.findall(PAGE.read_text("utf-8"))


def test_the_protocol_lists_exactly_the_problems_of_the_benchmarks_in_their_order():
    listed = [(half == "held out", int(epochs)) for half, _, _, _, epochs in LISTED]
    assert listed == [(p.held_out, p.epochs) for p in PROBLEMS]
    first_wave = [p.name for p in PROBLEMS if p.wave == 1]
    assert [row[1] for row in LISTED[: len(first_wave)]] == first_wave


def test_no_data_set_is_in_both_halves():
    data = {
        half: {p.name.split(",")[0].split(" ")[0] for p in PROBLEMS if p.held_out is half}
        for half in (True, False)
    }
    assert not data[True] & data[False]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("problem", "row"), list(zip(PROBLEMS, LISTED)), ids=[one.name for one in PROBLEMS]
)
def test_samples_and_steps_are_those_that_the_protocol_says(problem, row):
    from braintools_qps import load_task

    try:
        task = load_task(problem.data())
    except ImportError as error:  # aeon is no dependency of the tests
        pytest.skip(str(error))
    assert (sum(task.sizes), task.steps) == (int(row[2].replace(",", "")), int(row[3]))
