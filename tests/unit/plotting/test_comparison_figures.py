"""Figures of a comparison: what is drawn, read back from the axes."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import line
from made_comparison import candidate, compared, of, tuned

from braintools_qps import plotting
from braintools_qps._statistics import summary
from braintools_qps.records import Trial, Tuning

SCORES = {
    "S2NN": (0.50, 0.52, 0.51, 0.50, 0.53),
    "A": (0.90, 0.92, 0.91, 0.90, 0.92),
    "B": (0.91, 0.90, 0.93, 0.92, 0.90),
}
TITLES = [
    "Test scores", "Training loss", "Validation score", "Surrogate gradient, as trained",
    "Integral of the surrogate gradient",
]  # fmt: skip


def test_scores_are_sorted_with_a_dot_for_each_seed_and_the_tied_group_shaded():
    axes = plotting.plot_accuracy(of(**SCORES))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["B", "A", "S2NN"]
    assert axes.yaxis_inverted()
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    for drawn, label in zip(dots, ("B", "A", "S2NN"), strict=True):
        np.testing.assert_allclose(drawn.get_xdata(), 100 * np.array(SCORES[label]))
    (equal,) = (
        line for line in plotting.plot_accuracy(of(A=(0.5, 0.6, 0.5))).get_lines()
        if line.get_marker() == "o"
    )  # fmt: skip
    assert equal.get_ydata()[0] == equal.get_ydata()[1] < equal.get_ydata()[2]  # none hides another
    bars = [line for line in axes.get_lines() if line.get_marker() == "None"]
    expected = 100 * np.array(summary(SCORES["A"])[1:])
    np.testing.assert_allclose(bars[1].get_xdata(), expected)
    shaded = sorted(patch.get_y() for patch in axes.patches)
    assert shaded == [-0.5, 0.5]  # the first two rows
    assert axes.get_title() == "Test scores (shaded: may be best)"


def test_scores_over_operations_have_a_point_for_each_seed():
    made = of(**SCORES)
    axes = plotting.plot_operations(compared(*made.results, candidate("bad", (), error="none")))
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    for drawn, result in zip(dots, made.ranked, strict=True):
        np.testing.assert_allclose(drawn.get_xdata(), result.scores.operations)
        np.testing.assert_allclose(drawn.get_ydata(), 100 * np.array(result.scores.test))
    across, up = line(axes, "A")
    assert (float(across[0]), float(up[0])) == pytest.approx((2002, 91))  # 2000 to 2004


def test_where_all_are_tied_the_title_says_so_and_no_row_is_shaded():
    axes = plotting.plot_accuracy(of(A=SCORES["A"], B=SCORES["B"]))
    assert not axes.patches
    assert axes.get_title() == "Test scores (none is clearly lower)"
    level = [0.9, 0.9001, 0.8999, 0.9, 0.9002]
    equal = plotting.plot_accuracy(of(A=level, B=level[::-1])).get_title()
    assert equal == "Test scores (all equal within the margin)"
    assert plotting.plot_accuracy(of(A=SCORES["A"])).get_title() == "Test scores"


def test_a_candidate_without_scores_has_a_row_that_says_so():
    found = compared(
        candidate("nan", (np.nan, np.nan)), candidate("A", (0.9, 0.8), 1),
        candidate("broken", (), 2, error="ValueError: no"),
    )  # fmt: skip
    axes = plotting.plot_comparison(found)[0]
    assert sorted(text.get_text() for text in axes.texts) == ["diverged", "failed"]


def test_learning_curves_show_loss_and_validation_as_mean_and_range():
    found = of(A=(0.9, 0.8))
    curves = dataclasses.replace(
        found.results[0].curves,
        loss=((2.0, 1.0, 0.5), (1.0, 1.0, 0.25)),
        validation=((0.2, 0.4, 0.6), (0.4, 0.4, 0.6)),
        firing_rate=(),
    )
    found = compared(dataclasses.replace(found.results[0], curves=curves))
    left, right = plotting.plot_learning_curves(found)
    epochs, loss = line(left, "A")
    assert epochs.tolist() == [1, 2, 3]
    assert loss.tolist() == [1.5, 1.0, 0.375]
    heights = left.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.25, 2.0)
    np.testing.assert_allclose(line(right, "A")[1], [30, 40, 60])
    np.testing.assert_allclose(right.get_ylim(), (38, 61))  # from the second half: 40 to 60
    assert right.get_ylabel() == "validation accuracy %\n(mean and range of seeds)"
    left.figure.canvas.draw()
    shown = {label.get_text() for label in left.get_yticklabels(which="both")}
    assert {"0.3", "1", "2"} <= shown
    negative = compared(candidate("A", (0.9, 0.8), losses=(1.0, -1.0)))
    assert plotting.plot_learning_curves(negative)[0].get_yscale() == "linear"


def test_a_comparison_begins_with_the_scores_and_the_verdict():
    found = compared(*(candidate(*one, n) for n, one in enumerate(SCORES.items())))
    panels = plotting.plot_comparison(found)
    assert [panel.get_title().partition(" (")[0] for panel in panels] == TITLES
    figure = panels[0].get_figure(root=True)
    (legend,) = (legend for part in figure.subfigs for legend in part.legends)
    assert [text.get_text() for text in legend.get_texts()] == ["B", "A", "S2NN"]
    said = panels[0].get_figure().get_suptitle()
    assert "Losses levelled off" in found.convergence
    assert " ".join(said.split()) == f"{found.verdict} {found.convergence}"


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
    assert "other" in [line.get_label() for line in panels[1].get_lines()]
    assert "other" not in [line.get_label() for line in panels[3].get_lines()]
    assert panels[3].get_title() == "Surrogate gradient, as trained (other axis, not shown: other)"


def test_tuning_shows_every_setting_and_how_many_seeds_chose_it():
    result = tuned("A", SCORES["A"], chosen=(0.1, 0.5))
    tuning = dataclasses.replace(result.tuning, chosen=(1, 2, 1, 1, 1))
    (axes,) = plotting.plot_tuning(compared(dataclasses.replace(result, tuning=tuning)))
    assert axes.get_title() == "Tuning: A"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "0.3"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1/2", "1"]
    words = {text.get_position(): text.get_text() for text in axes.texts}
    # Validation scores are 0.9 - rate * dampening; trial 1 is (0.1, 1/2), trial 2 is (0.3, 1).
    assert words == {
        (0, 0): "85.0%\n4 of 5*",  # at the edge, as in the table
        (1, 0): "75.0%",
        (0, 1): "80.0%",
        (1, 1): "60.0%\n1 of 5",
    }
    filled = [patch for patch in axes.patches if patch.get_facecolor()[3]]
    shade = {
        tuple(np.round(patch.get_center()).astype(int)): patch.get_facecolor()[3]
        for patch in filled
    }
    assert shade[0, 0] > shade[0, 1] > shade[1, 0] > shade[1, 1]  # more for a higher score
    framed = [patch for patch in axes.patches if not patch.get_facecolor()[3]]
    assert {tuple(np.round(patch.get_center())) for patch in framed} == {(0, 0)}  # most chose it


def test_what_was_tuned_by_one_name_is_one_panel_with_a_row_for_each_candidate():
    def by_rate(label, test, number, chosen):
        settings = [{"learning_rate": rate, "dampening": 0.5} for rate in (0.3, 0.1)]
        trials = tuple(
            Trial(s, validation=(0.5 + number / 4 - s["learning_rate"],) * 2) for s in settings
        )
        return candidate(label, test, number, tuning=Tuning(trials, chosen))

    low, high = by_rate("A", (0.1, 0.2), 0, (0, 1)), by_rate("B", (0.9, 0.8), 1, (1, 1))
    found = compared(low, high)
    (axes,) = plotting.plot_tuning(found)
    assert axes.get_title() == "Tuning"
    assert axes.get_xlabel() == "learning rate"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "0.3"]
    labels = [text.get_text().splitlines()[0] for text in axes.get_yticklabels()]
    assert labels == ["A", "B"]  # the best on top
    words = {text.get_position(): text.get_text() for text in axes.texts}
    assert words == {
        (0, 0): "40.0%\n1 of 2", (1, 0): "20.0%\n1 of 2", (0, 1): "65.0%\n2 of 2", (1, 1): "45.0%",
    }  # fmt: skip
    assert len(plotting.plot_comparison(found)) == 6


def test_one_dampening_for_all_settings_stands_beside_the_candidate():
    results = []
    for number, own in enumerate(((0.5, 0.5), (0.25, 0.125))):
        known = {"mean_slope": 0.1}  # which sets the dampening
        settings = [{"hidden": n, **known, "dampening": d} for n, d in zip((8, 16), own)]
        trials = tuple(Trial(setting, validation=(0.5, 0.6)) for setting in settings)
        tuning, setting = Tuning(trials, (0, 0)), settings[0]
        results.append(candidate(f"c{number}", (0.9, 0.8), number, tuning=tuning, setting=setting))
    (axes,) = plotting.plot_tuning(compared(*results))
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["c1", "c0\ndampening 1/2"]


def test_panels_of_tuning_share_one_scale():
    low, high = tuned("A", (0.9, 0.8)), tuned("B", (0.9, 0.8), 1)
    trials = tuple(dataclasses.replace(t, validation=(0.95, 0.95)) for t in high.tuning.trials)
    high = dataclasses.replace(high, tuning=dataclasses.replace(high.tuning, trials=trials))
    panels = plotting.plot_tuning(compared(low, high))
    shades = lambda axes: [p.get_facecolor()[3] for p in axes.patches if p.get_facecolor()[3]]
    first, second = (sorted(shades(axes)) for axes in panels)
    assert second[0] > first[-1]  # each of B is more shaded than any of A


def test_nothing_is_drawn_for_what_was_not_tuned():
    before = plt.get_fignums()
    assert plotting.plot_tuning(of(**SCORES)) == []
    assert plt.get_fignums() == before
    both = compared(tuned("A", (0.9, 0.8)), candidate("B", (0.9, 0.8), 1))
    assert [axes.get_title() for axes in plotting.plot_comparison(both)[5:]] == ["Tuning: A"]


@pytest.mark.parametrize("label", [r"$\frac{1$", "<b>&", "_hidden", "cost in $ and $", "x" * 5000])
def test_labels_are_drawn_as_typed(label):
    found = compared(tuned(label, (0.9, 0.8)), tuned("B", (0.1, 0.2), 1))
    panels = plotting.plot_comparison(found)
    figure = panels[0].get_figure(root=True)
    figure.canvas.draw()  # where broken mathematics is an error
    drawn = [line.get_label() for line in panels[1].get_lines()]
    assert drawn[0].replace(r"\$", "$").strip()[:40] == label[:40]
