"""The figure that ranks candidates, on made-up flows."""

import re

import brainunit as u
import matplotlib
import numpy as np
import pytest
from report_records import flow_of, population

from braintools_qps.plotting import plot_ranking
from braintools_qps.records import GradientFlows

matplotlib.use("agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def flow(name, *populations, slope=0.05, scale=1.0):
    made = [
        population(f"layer{i}", np.ones(3), growth=growth, consistency=c, slope=slope, scale=scale)
        for i, (growth, c) in enumerate(populations)
    ]
    return flow_of(name, made)


def flows():
    """Named by their rank."""
    return GradientFlows(
        {
            "fourth": flow("fourth", (1.0, -0.2), (1.0, 0.5)),
            "second": flow("second", (0.9, 0.5), (0.9, 0.5)),
            "fifth": flow("fifth", (np.nan, np.nan), (np.nan, np.nan)),
            "first": flow("first", (1.05, 0.5), (0.99, 0.5)),
            "third": flow("third", (1.5, 0.5), (1.0, 0.5)),
        }
    )


def test_the_order_is_by_growth_and_what_flips_comes_after():
    assert flows().ranked() == ["first", "second", "third", "fourth", "fifth"]


def test_a_high_mean_slope_counts_more_than_the_growth():
    found = GradientFlows(
        {
            "third": flow("third", (1.0, 0.5), slope=0.3),
            "second": flow("second", (0.8, 0.5), slope=0.2),
            "first": flow("first", (0.7, 0.5), slope=0.09),
            "fourth": flow("fourth", (1.0, -0.2), slope=0.01),
        }
    )
    assert found.ranked() == ["first", "second", "third", "fourth"]


def test_slopes_per_millivolt_count_for_a_distance_of_one_scale():
    steep = flow("steep", (1.0, 0.5), slope=0.3 / 15, scale=15 * u.mV)
    flat = flow("flat", (0.7, 0.5), slope=0.2, scale=0.3 * u.mV)
    assert GradientFlows({"flat": flat, "steep": steep}).ranked() == ["flat", "steep"]


def named(row):
    """The name that a row begins with."""
    return re.split(r"\s{2,}", row.rstrip())[0 if row[0] != " " else 1]


def test_the_table_has_a_row_for_each_candidate_in_that_order_and_its_populations_below():
    text = repr(flows())
    head, *rows = text[text.index("surrogate ") :].splitlines()
    assert head.split() == ["surrogate", "growth", "slope", "flat", "reach", "depth", "consistency"]
    candidates = [row for row in rows if row[0] != " "]
    assert list(map(named, candidates)) == flows().ranked()
    assert list(map(named, rows)) == [
        name for candidate in flows().ranked() for name in (candidate, "layer0", "layer1")
    ]
    assert [row.split()[1] for row in rows[:3]] == ["1.020", "1.050", "0.990"]
    # Of the candidate itself there is what it is ranked by.
    assert rows[0].split()[1:] == ["1.020", "0.05", "ok", "2+", "0.50"]
    assert [row.split()[1] for row in rows[-3:]] == ["-", "-", "-"]


def test_a_single_population_needs_no_row_of_its_own():
    text = repr(GradientFlows({name: flow(name, (0.9, 0.5)) for name in ("one", "two")}))
    rows = text[text.index("surrogate ") :].splitlines()
    assert [named(row) for row in rows] == ["surrogate", "one", "two"]


def test_of_many_populations_the_table_has_the_range():
    many = GradientFlows({n: flow(n, *[(x, 0.5) for x in (0.9, 1, 1, 1, 1.1)]) for n in "ab"})
    _, *rows = repr(many).partition("surrogate ")[2].splitlines()
    assert list(map(named, rows)) == many.ranked()
    assert all("0.900 to 1.100" in row for row in rows)


@pytest.mark.parametrize("populations", [1, 4, 12])
def test_the_table_fits_a_terminal(populations):
    made = {
        name: flow(name, *[(0.9 + 0.01 * i, -0.25) for i in range(populations)], slope=0.0123)
        for name in ("QPseudoSpike(alpha=0.5)", "Sigmoid")
    }
    text = repr(GradientFlows(made))
    lines = text[text.index("surrogate ") :].splitlines()
    assert max(map(len, lines)) <= 100


def test_a_notebook_shows_a_row_for_each_population_in_that_order():
    head, *rows = re.findall("<tr>(.*?)</tr>", flows()._repr_html_())
    assert head.startswith("<th>surrogate</th><th>population</th><th>rate</th>")
    assert [re.findall("<td>(.*?)</td>", row)[:2] for row in rows[:3]] == [
        ["first", "layer0"],
        ["first", "layer1"],
        ["second", "layer0"],
    ]
    assert len(rows) == 10


def test_a_marker_for_each_population_hollow_where_the_gradient_flips():
    axes = plot_ranking(flows())
    assert [label.get_text() for label in axes.get_yticklabels()] == flows().ranked()
    first, second = axes.collections
    np.testing.assert_allclose(first.get_offsets()[:4, 0], [1.05, 0.9, 1.5, 1.0])
    np.testing.assert_allclose(second.get_offsets()[:4, 1], range(4))
    assert [len(colour) and colour[3] for colour in first.get_facecolors()][:4] == [1, 1, 1, 0]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["layer0", "layer1"]


def test_axes_that_are_given_are_drawn_into():
    _, axes = plt.subplots()
    assert plot_ranking({"one": flow("one", (0.9, 0.5))}, axes) is axes
    assert axes.get_legend() is None
