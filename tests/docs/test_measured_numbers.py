"""The README files of benchmarks/results say what the results beside them say."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.casebook.pages import tables  # noqa: E402
from benchmarks.pages import READMES, filled  # noqa: E402


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_a_readme_has_the_numbers_of_its_results(readme):
    assert readme.read_text("utf-8") == filled(readme)  # python -m benchmarks.pages renews it


def test_every_network_of_a_group_ends_in_one_way_after_prepare():
    ends, groups = {}, {}
    lines = tables()["prepared"].splitlines()[2:]
    for group, _, *shares in (line.strip("| ").split(" | ") for line in lines):
        for part, share in enumerate(shares):
            count, of = map(int, share.split(" of "))
            ends[group, part] = ends.get((group, part), 0) + count
            groups[group, part] = of
    assert ends == groups
    assert sum(groups.values()) == int(tables()["tried"])
