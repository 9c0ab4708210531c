"""Figures: what is drawn, read back from the axes that they are given."""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import line
from made_comparison import compared, tuned
from report_records import flow_of, population

from braintools_qps import QPseudoSpike, Scaled, plotting


def test_gradient_and_original_function_of_each_surrogate():
    gradient, original = plotting.plot_surrogates(
        ["QPseudoSpike(alpha=1)", QPseudoSpike(float("inf"))]
    )
    x, y = line(gradient, "QPseudoSpike(alpha=1)")
    np.testing.assert_allclose(y, 1 / (1 + np.abs(x)), rtol=1e-6)
    x, y = line(gradient, "QPseudoSpike(alpha=inf)")
    np.testing.assert_allclose(y, np.exp(-2 * np.abs(x)), rtol=1e-5)
    x, y = line(original, "QPseudoSpike(alpha=1)")
    np.testing.assert_allclose(y, 0.5 + np.sign(x) * np.log1p(np.abs(x)), rtol=1e-4, atol=1e-6)
    assert gradient.get_xlabel() == "membrane potential minus threshold\n(in units of the scale)"
    assert [text.get_text().strip() for text in original.texts] == ["spike"]


def test_a_scale_with_a_unit_is_on_the_axes():
    surrogates = {
        "wide": QPseudoSpike(1.0, scale=10 * u.mV),
        "narrow": Scaled(QPseudoSpike(scale=0.001 * u.volt)),
    }
    gradient, original = plotting.plot_surrogates(surrogates)
    x, y = line(gradient, "wide")
    np.testing.assert_allclose(y, 0.1 / (1 + np.abs(x / 10)), rtol=1e-5)
    assert x.max() == pytest.approx(40)
    assert gradient.get_xlabel() == original.get_xlabel()
    assert original.get_xlabel() == "membrane potential minus threshold (mV)"
    assert gradient.get_ylabel() == "gradient (1/mV)"


def test_gradient_flow_is_relative_to_the_last_step():
    flow = flow_of("Sigmoid", [population(moments=(4, 1, 0.04))])
    for flows in (flow, {"Sigmoid": flow}):
        axes = plotting.plot_gradient_flow(flows)
        lag, size = line(axes, "Sigmoid")
        assert lag.tolist() == [0, 1, 2]
        np.testing.assert_allclose(size, [1, 0.5, 0.1])
    assert axes.get_yscale() == "log"
    (said,) = axes.texts
    assert (said.get_text(), said.get_position()[1]) == ("reach:\n1%", 0.01)


def test_without_an_original_function_the_integral_of_the_gradient_is_drawn():
    axes = plotting.plot_surrogates(["ReluGrad", "Sigmoid"])[1]
    where, values = line(axes, "ReluGrad")  # whose gradient is max(0, 0.3 * (1 - |x|))
    for x, value in ((-4, 0.35), (-1, 0.35), (0, 0.5), (0.5, 0.6125), (1, 0.65), (4, 0.65)):
        assert np.interp(x, where, values) == pytest.approx(value, abs=1e-4)


def test_no_two_of_28_candidates_look_the_same_and_all_are_drawn():
    many = [QPseudoSpike(17 + n) for n in range(30)]  # one program serves alphas beyond 16
    axes, _ = plotting.plot_surrogates(many)
    lines = axes.get_lines()
    assert len(lines) == 30
    assert len({(line.get_color(), line.get_linestyle()) for line in lines[:28]}) == 28


def test_labels_are_drawn_as_they_were_typed():
    names = "_mine", r"cost $5 $\foo$", "long " * 20
    flows = {n: flow_of(n, [population("first"), population("second")]) for n in names}
    axes = plotting.plot_gradient_flow(flows)
    axes.get_figure().draw_without_rendering()
    _, drawn = axes.get_legend_handles_labels()
    assert drawn[:3] == [" _mine, first", " _mine, second", r"cost \$5 \$\foo\$, first"]
    assert len(drawn) == 6


FLOW = flow_of("model", [population(moments=np.square([1, 0.5, 0.1]))])
TUNED = compared(tuned("A", (0.9, 0.8)), tuned("B", (0.9, 0.7), 1))
FIGURES = {  # what is drawn, and in how many axes
    "plot_accuracy": (TUNED, 1),
    "plot_comparison": (TUNED, 4),
    "plot_gradient_flow": (FLOW, 1),
    "plot_learning_curves": (TUNED, 2),
    "plot_surrogates": (["Sigmoid"], 2),
}


@pytest.mark.parametrize("name", plotting.__all__)
def test_a_figure(name):
    (record, count), draw = FIGURES[name], getattr(plotting, name)
    axes = [*plt.subplots(1, count, squeeze=False)[1].flat]
    drawn = draw(record, axes=axes if count > 1 else axes[0])
    assert [drawn] == axes or drawn == axes
    assert all(panel.has_data() for panel in axes)
    with pytest.raises(ValueError, match=rf"needs {count} axe?s, got {count + 1}"):
        draw(record, axes=[*axes, plt.subplots()[1]])


MISTAKES = [
    *(([QPseudoSpike(scale=10 * u.mV), other], "plot_surrogates", ValueError,
       "scales of one dimension") for other in (QPseudoSpike(), QPseudoSpike(scale=1 * u.mA))),
    (TUNED, "plot_gradient_flow", TypeError, "must be a GradientFlow, got Comparison"),
    ("results", "plot_gradient_flow", TypeError, "must be a GradientFlow, got str"),
    *((FLOW, name, TypeError, "must be a Comparison, got GradientFlow")
      for name, (record, _) in FIGURES.items() if record is TUNED),
    ({"mine": TUNED}, "plot_comparison", TypeError, "must be a Comparison, got dict"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "name", "error", "message"), MISTAKES)
def test_what_cannot_be_drawn_is_refused(record, name, error, message):
    with pytest.raises(error, match=message):
        getattr(plotting, name)(record)
