"""The figure that ranks candidates, on made-up flows."""

import re

import brainunit as u
import numpy as np
import pytest
from report_records import flow_of, population

from braintools_qps.plotting import plot_ranking
from braintools_qps.records import GradientFlows


def flow(name, *populations, slope=0.05, scale=1.0):
    made = [
        population(f"layer{i}", np.ones(3), growth=growth, consistency=c, slope=slope, scale=scale)
        for i, (growth, c) in enumerate(populations)
    ]
    return flow_of(name, made)


def flows():
    """Named by their rank, which the first two share."""
    return GradientFlows(
        {
            "fourth": flow("fourth", (1.0, -0.25), (1.0, 0.5)),
            "first": flow("first", (1.05, 0.5), (0.99, 0.5)),
            "fifth": flow("fifth", (np.nan, np.nan), (np.nan, np.nan)),
            "too": flow("too", (0.9, 0.5), (0.5, 0.5), slope=0.01),
            "third": flow("third", (1.0, 0.5), (1.0, 0.5), slope=0.7),
        }
    )


def test_what_is_low_enough_is_equal_and_what_flips_or_has_no_gradient_comes_last():
    assert flows().ranks == {"first": 1, "too": 1, "third": 3, "fourth": 4, "fifth": 5}
    assert flows().ranked() == list(flows().ranks)


@pytest.mark.parametrize(
    ("slopes", "ranks"),
    [
        ({"first": 0.11, "second": 0.15, "third": 0.02}, [1, 1, 1]),  # nearest to a tenth
        ({"first": 0.05, "second": 0.4, "third": 0.5}, [1, 2, 3]),  # the lower, if too high
    ],
)
def test_of_equals_the_one_nearest_to_a_tenth_stands_first(slopes, ranks):
    backwards = reversed(slopes.items())
    flows = GradientFlows({n: flow(n, (1.0, 0.5), slope=slope) for n, slope in backwards})
    assert flows.ranked() == list(slopes)
    assert list(flows.ranks.values()) == ranks


def test_slopes_per_millivolt_count_for_a_distance_of_one_scale():
    steep = flow("steep", (1.0, 0.5), slope=0.7 / 15, scale=15 * u.mV)
    flat = flow("flat", (0.7, 0.5), slope=0.2, scale=0.3 * u.mV)
    assert GradientFlows({"steep": steep, "flat": flat}).ranks == {"flat": 1, "steep": 2}


def named(row):
    """The name that a row begins with."""
    return re.split(r"\s{2,}", row.rstrip())[0 if row[0] != " " else 1]


def test_the_table_has_a_row_for_each_candidate_in_that_order_and_its_populations_below():
    text = repr(flows())
    head, *rows = text[text.index("surrogate ") :].splitlines()
    assert head.split() == [
        "surrogate", "rank", "slope", "growth", "flat", "reach", "depth", "consistency"
    ]  # fmt: skip
    candidates = [row for row in rows if row[0] != " "]
    assert list(map(named, candidates)) == flows().ranked()
    assert list(map(named, rows)) == [
        name for candidate in flows().ranked() for name in (candidate, "layer0", "layer1")
    ]
    # Of the candidate itself there is what it is ranked by, and the range of its populations.
    assert rows[0].split()[1:] == ["1=", "0.05", "ok", "0.990", "to", "1.050", "2+", "0.50"]
    shown = ["0.05", "ok", "1.050", "25%", "ok", "2+", "-", "0.50", "ok"]
    assert rows[1].split()[1:] == shown
    assert [row.split()[1] for row in candidates] == ["1=", "1=", "3", "4", "5"]
    assert candidates[-1].split()[4] == "-"


@pytest.mark.parametrize(("populations", "rows"), [(1, 1), (4, 5), (5, 1)])
def test_the_table_fits_a_terminal(populations, rows):
    made = {
        name: flow(name, *[(0.9 + 0.01 * i, -0.25) for i in range(populations)], slope=0.0123)
        for name in ("QPseudoSpike(alpha=0.5)", "Sigmoid")
    }
    text = repr(GradientFlows(made))
    lines = text[text.index("surrogate ") :].splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) == 1 + rows * len(made)
    highest = f"{0.89 + 0.01 * populations:.3f}"
    assert all(highest in line for line in lines[1::rows])


def test_a_notebook_shows_a_row_for_each_population_in_that_order():
    head, *rows = re.findall("<tr>(.*?)</tr>", flows()._repr_html_())
    assert head.startswith("<th>surrogate</th><th>population</th><th>rate</th>")
    assert [re.findall("<td>(.*?)</td>", row)[:2] for row in rows[:3]] == [
        ["first", "layer0"],
        ["first", "layer1"],
        ["too", "layer0"],
    ]
    assert len(rows) == 10


def test_a_marker_for_each_population_hollow_where_the_gradient_flips():
    axes = plot_ranking(flows())
    assert [label.get_text() for label in axes.get_yticklabels()] == flows().ranked()
    first, second = axes.collections
    np.testing.assert_allclose(first.get_offsets()[:, 0], [0.05, 0.01, 0.7, 0.05, 0.05])
    np.testing.assert_allclose(second.get_offsets()[:, 1], range(5))
    assert [len(colour) and colour[3] for colour in first.get_facecolors()][:4] == [1, 1, 1, 0]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["layer0", "layer1"]
    assert plot_ranking({"one": flow("one", (0.9, 0.5))}).get_legend() is None
