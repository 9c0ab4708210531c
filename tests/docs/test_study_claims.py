"""The kept summary of `prepare` adds up, and the protocol lists the problems of the study."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.pages import substitutions  # noqa: E402
from benchmarks.problems import PROBLEMS  # noqa: E402

DOCS = ROOT / "docs"


def test_every_network_of_a_group_ends_in_one_way_after_prepare():
    table = substitutions()["casebook"]["prepared"]
    ends, groups = {}, {}
    for group, _, *shares in (line.strip("| ").split(" | ") for line in table.splitlines()[2:]):
        for part, share in enumerate(shares):
            count, of = map(int, share.split(" of "))
            ends[group, part] = ends.get((group, part), 0) + count
            groups[group, part] = of
    assert ends == groups
    assert sum(groups.values()) == int(substitutions()["casebook"]["tried"])


PROTOCOL = DOCS / "results" / "protocol.md"
# Half, name, samples, steps, in the second wave the neurons, epochs
ROW = re.compile(
    r"^\| (development|held out) \| (.+?) \| ([\d,]+) \| (\d+) \|(?: [\d \u00d7]+ \|)? (\d+) \|$",
    re.M,
)
LISTED = ROW.findall(PROTOCOL.read_text("utf-8"))


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
    try:
        task = problem.task()
    except ImportError as error:  # aeon is no dependency of the tests
        pytest.skip(str(error))
    assert (sum(task.sizes), task.steps) == (int(row[2].replace(",", "")), int(row[3]))
