"""The README files of benchmarks/results say what the results beside them say."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.pages import readme, substitutions  # noqa: E402


@pytest.mark.parametrize("part", ["gains", "casebook"])
def test_a_readme_has_the_numbers_of_its_results(part):
    path, text = readme(part)
    assert path.read_text("utf-8") == text  # python -m benchmarks.pages renews it


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
