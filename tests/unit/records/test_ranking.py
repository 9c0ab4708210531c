"""The ranking of candidates, on made-up flows."""

import re

import brainunit as u
import numpy as np
import pytest
from report_records import flow_of, population

from braintools_qps.records import GradientFlows


def flow(name, *populations, slope=0.05, scale=1.0):
    """A flow by the growth and the consistency of its populations."""
    made = [
        population(f"layer{i}", np.ones(3), growth=growth, consistency=c, slope=slope, scale=scale)
        for i, (growth, c) in enumerate(populations or [(1.0, 0.5)])
    ]
    return flow_of(name, made)


def by_name(*flows):
    return GradientFlows({flow.name: flow for flow in flows})


FLOWS = by_name(  # named by their rank, which the first two share
    flow("fourth", (1.0, -0.25), (1.0, 0.5)),
    flow("first", (1.05, 0.5), (0.99, 0.5)),
    flow("fifth", (np.nan, np.nan), (np.nan, np.nan)),
    flow("too", (0.9, 0.5), (0.5, 0.5), slope=0.01),
    flow("third", (1.0, 0.5), (1.0, 0.5), slope=0.7),
)


@pytest.mark.parametrize(
    ("flows", "ranks"),
    [
        (FLOWS, {"first": 1, "too": 1, "third": 3, "fourth": 4, "fifth": 5}),
        # Of equals, the one nearest to a tenth stands first
        (by_name(flow("c", slope=0.02), flow("b", slope=0.15), flow("a", slope=0.11)),
         {"a": 1, "b": 1, "c": 1}),
        # The lower, if too high
        (by_name(flow("c", slope=0.5), flow("b", slope=0.4), flow("a")), {"a": 1, "b": 2, "c": 3}),
        # Per millivolt they count for a distance of one scale
        (by_name(flow("steep", slope=0.7 / 15, scale=15 * u.mV),
                 flow("flat", (0.7, 0.5), slope=0.2, scale=0.3 * u.mV)), {"flat": 1, "steep": 2}),
    ],
)  # fmt: skip
def test_low_slopes_are_equal_then_come_high_ones_flips_and_what_has_no_gradient(flows, ranks):
    assert flows.ranks == ranks
    assert list(flows.ranks) == list(ranks)


def test_the_table_has_a_row_for_each_candidate_in_that_order_and_its_populations_below():
    text = repr(FLOWS)
    head, *rows = text[text.index("surrogate ") :].splitlines()
    assert head.split() == [
        "surrogate", "rank", "slope", "growth", "flat", "reach", "depth", "consistency"
    ]  # fmt: skip
    assert [row.split()[0] for row in rows] == [
        name for candidate in FLOWS.ranks for name in (candidate, "layer0", "layer1")
    ]
    # Of the candidate itself there is what it is ranked by, and the range of its populations.
    assert rows[0].split()[1:] == ["1=", "0.05", "ok", "0.990", "to", "1.050", "2+", "0.50"]
    shown = ["0.05", "ok", "1.050", "25%", "ok", "2+", "-", "0.50", "ok"]
    assert rows[1].split()[1:] == shown
    candidates = [row.split() for row in rows if row[0] != " "]
    assert [row[1] for row in candidates] == ["1=", "1=", "3", "4", "5"]
    assert candidates[-1][4] == "-"


@pytest.mark.parametrize(("populations", "rows"), [(1, 1), (4, 5), (12, 13)])
def test_the_table_is_no_wider_than_80_characters(populations, rows):
    growths = [(0.9 + 0.01 * i, -0.25) for i in range(populations)]
    names = ("QPseudoSpike(alpha=0.5)", "Sigmoid")
    text = repr(by_name(*(flow(name, *growths, slope=0.0123) for name in names)))
    assert max(map(len, text.splitlines())) <= 80
    lines = text[text.index("surrogate ") : text.index("\nDecided")].partition("\n\n")[0]
    lines = lines.splitlines()
    assert len(lines) == 1 + rows * len(names)
    highest = f"{0.89 + 0.01 * populations:.3f}"
    assert all(highest in line for line in lines[1::rows])


def test_a_notebook_shows_the_same_rows():
    head, *rows = re.findall("<tr>(.*?)</tr>", FLOWS._repr_html_())
    assert head.startswith("<th>surrogate</th><th>rank</th><th>slope</th>")
    shown = [re.findall("<td>(.*?)</td>", row)[:2] for row in rows]
    assert shown[:4] == [["first", "1="], ["  layer0", ""], ["  layer1", ""], ["too", "1="]]
    assert len(rows) == 15
