"""Figures of a comparison: what is drawn, read back from the axes."""

import dataclasses
import math

import numpy as np
import pytest
from helpers import line
from made_comparison import candidate, compared, of, tuned

from braintools_qps import plotting
from braintools_qps._statistics import summary
from braintools_qps.records import Curves

SCORES = {
    "S2NN": (0.50, 0.52, 0.51, 0.50, 0.53),
    "A": (0.90, 0.92, 0.91, 0.90, 0.92),
    "B": (0.91, 0.90, 0.93, 0.92, 0.90),
}
TITLES = [
    "Difference from the first, seed by seed", "Training loss", "Validation score",
    "Surrogates, as trained",
]  # fmt: skip


def texts(labels):
    return [label.get_text() for label in labels]


def marked(axes, marker):
    """The lines with this marker."""
    return [drawn for drawn in axes.get_lines() if drawn.get_marker() == marker]


def test_scores_have_a_dot_for_each_seed():
    axes = plotting.plot_accuracy(of(**SCORES))
    assert texts(axes.get_yticklabels()) == ["B", "A", "S2NN"]
    for drawn, label in zip(marked(axes, "o"), ("B", "A", "S2NN"), strict=True):
        np.testing.assert_allclose(drawn.get_xdata(), 100 * np.array(SCORES[label]))
    (equal,) = marked(plotting.plot_accuracy(of(A=(0.5, 0.6, 0.5))), "o")
    assert equal.get_ydata()[0] == equal.get_ydata()[1] < equal.get_ydata()[2]  # none hides another
    expected = 100 * np.array(summary(SCORES["A"])[1:])
    np.testing.assert_allclose(marked(axes, "None")[1].get_xdata(), expected)


def test_the_first_panel_has_paired_differences_from_the_first_with_their_intervals():
    found = of(**SCORES)
    axes = plotting.plot_comparison(found)[0]
    assert texts(axes.get_yticklabels()) == ["B", "A", "S2NN"]
    bars = [bar for bar in marked(axes, "None") if len({*bar.get_ydata()}) == 1]
    for label, drawn, bar in zip(("A", "S2NN"), marked(axes, "o"), bars, strict=True):
        by_seed = 100 * (np.array(SCORES[label]) - SCORES["B"])
        np.testing.assert_allclose(drawn.get_xdata(), by_seed)
        np.testing.assert_allclose(bar.get_xdata(), 100 * np.array(found.differences[label][1:]))
    few = plotting.plot_comparison(of(A=(0.9, 0.8), B=(0.7, 0.9)))[0]
    assert [len(dots.get_xdata()) for dots in marked(few, "o")] == [2]
    assert "interval" not in few.get_xlabel()


@pytest.mark.parametrize(("others", "said"), [({}, []), ({"stuck": (0.1, 0.1)}, ["did not learn"])])
def test_a_candidate_without_scores_has_a_row_that_says_so(others, said):
    found = compared(
        candidate("nan", (np.nan, np.nan)), candidate("A", (0.9, 0.8), 1),
        candidate("broken", (), 2, error="ValueError: no"),
        *(candidate(label, test, 3) for label, test in others.items()), settings={"guess": 0.1},
    )  # fmt: skip
    axes = plotting.plot_comparison(found)[0]
    assert sorted(text.get_text() for text in axes.texts) == [*said, "diverged", "failed"]


def test_learning_curves_show_loss_and_validation_as_mean_and_range():
    losses, scores = ((2.0, 1.0, 0.5), (1.0, 1.0, 0.25)), ((0.2, 0.4, 0.6), (0.4, 0.4, 0.6))
    made = candidate("A", (0.9, 0.8), curves=Curves(losses, scores))
    left, right = plotting.plot_learning_curves(compared(made))
    epochs, loss = line(left, "A")
    assert epochs.tolist() == [1, 2, 3]
    assert loss.tolist() == [1.5, 1.0, 0.375]
    heights = left.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.25, 2.0)
    np.testing.assert_allclose(line(right, "A")[1], [30, 40, 60])
    np.testing.assert_allclose(right.get_ylim(), (38, 61))  # from the second half: 40 to 60
    assert right.get_ylabel() == "validation accuracy %\n(mean and range of seeds)"
    for losses in ((1.0, -1.0), (math.nan, math.nan)):
        no_logarithm = compared(candidate("A", (0.9, 0.8), losses=losses))
        assert plotting.plot_learning_curves(no_logarithm)[0].get_yscale() == "linear"


def test_candidates_are_told_apart_without_colour():
    axes = plotting.plot_learning_curves(of(**SCORES))[0]
    assert len({drawn.get_linestyle() for drawn in axes.get_lines()}) == len(SCORES)


def test_a_comparison_begins_with_the_scores_and_the_verdict():
    found = of(**SCORES)
    panels = plotting.plot_comparison(found)
    assert [panel.get_title().partition(" (")[0] for panel in panels] == TITLES
    figure = panels[0].get_figure(root=True)
    (legend,) = (legend for part in figure.subfigs for legend in part.legends)
    assert texts(legend.get_texts()) == ["B", "A", "S2NN"]
    said = panels[0].get_figure().get_suptitle()
    assert said.split() == found.verdict.split()


LABELS = "spikingjelly.PiecewiseLeakyReLU(w=1, c=0.01)", r"cost in $ and $\frac{1$", "<b>&"


@pytest.mark.parametrize(("make", "count"), [(candidate, 1), (tuned, 3)])
def test_no_line_of_the_figure_is_cut(make, count):
    results = [make(label, SCORES["A"], n) for n, label in enumerate(LABELS[:count])]
    figure = plotting.plot_comparison(compared(*results))[0].get_figure(root=True)
    figure.draw_without_rendering()
    left, bottom, right, top = figure.get_tightbbox().extents
    assert min(left, bottom) >= 0
    assert (right, top) <= tuple(figure.get_size_inches())


def test_surrogates_are_drawn_as_they_were_trained():
    panels = plotting.plot_comparison(compared(tuned("A", (0.9, 0.8), chosen=(0.1, 0.5))))
    x, gradient = line(panels[3], "A")  # alpha is 1
    np.testing.assert_allclose(gradient, 0.5 / (1 + np.abs(x)), rtol=1e-5)


@pytest.mark.parametrize("scale", ["15 mV", [1.0, 2.0]])
def test_a_surrogate_that_has_no_place_on_the_axis_is_named(scale):
    other = {"name": "QPseudoSpike", "alpha": 2.0, "scale": scale}
    found = compared(
        candidate("A", (0.9, 0.8)), candidate("other", (0.1, 0.2), 1, tuned_spec=other)
    )
    panels = plotting.plot_comparison(found)
    drawn = [[line.get_label() for line in panels[n].get_lines()] for n in (1, 3)]
    assert ["other" in labels for labels in drawn] == [True, False]
    assert panels[3].get_title() == "Surrogates, as trained\n(other axis: other)"


def test_tuning_has_a_row_for_each_candidate_and_a_column_for_each_setting():
    result = tuned("A", SCORES["A"], chosen=(0.1, 0.5))
    tuning = dataclasses.replace(result.tuning, chosen=(1, 2, 1, 1, 1))
    made = compared(dataclasses.replace(result, tuning=tuning), tuned("B", SCORES["B"], 1))
    axes = plotting.plot_comparison(made)[4]
    assert axes.get_xlabel() == "learning rate, dampening"
    assert texts(axes.get_xticklabels()) == ["0.1\n1", "0.1\n1/2", "0.3\n1", "0.3\n1/2"]
    assert texts(axes.get_yticklabels()) == ["B", "A"]
    assert axes.yaxis_inverted()  # the best is on top
    words = {text.get_position(): text.get_text() for text in axes.texts}
    # Validation scores are 0.9 - rate * dampening.
    below = ["80.0%", "85.0%\n4 of 5", "60.0%\n1 of 5", "75.0%"]
    assert [words[column + 0.5, 1.5] for column in range(4)] == below
    shades = axes.collections[0].to_rgba(axes.collections[0].get_array())[..., 3]
    assert shades[1, 1] > shades[1, 0] > shades[1, 3] > shades[1, 2]  # more for a higher score
    frames = {tuple(np.floor(patch.get_xy()).astype(int)) for patch in axes.patches}
    assert frames == {(1, 0), (1, 1)}  # most chose it
