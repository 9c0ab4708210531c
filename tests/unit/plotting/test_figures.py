"""Figures: what is drawn, read back from the axes that they are given."""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import line
from made_comparison import compared, tuned
from report_records import flow_of, population

from braintools_qps import QPseudoSpike, Scaled, plotting

WIDE = QPseudoSpike(1.0, scale=10 * u.mV), Scaled(QPseudoSpike(scale=0.001 * u.volt))
within = lambda x: np.minimum(np.abs(x), 1)
CURVES = {  # what is drawn, in which panel, and how the first of them goes
    "gradient": (["QPseudoSpike(alpha=1)"], 0, lambda x: 1 / (1 + np.abs(x))),
    "exponential": ([QPseudoSpike(float("inf"))], 0, lambda x: np.exp(-2 * np.abs(x))),
    "original function": (
        ["QPseudoSpike(alpha=1)"], 1, lambda x: 0.5 + np.sign(x) * np.log1p(np.abs(x))
    ),
    "integral of 0.3 (1 - |x|), which has no original function": (
        ["ReluGrad"], 1, lambda x: 0.5 + np.sign(x) * 0.3 * (within(x) - within(x) ** 2 / 2)
    ),
    "per millivolt": (WIDE, 0, lambda x: 0.1 / (1 + np.abs(x / 10))),
}  # fmt: skip


@pytest.mark.parametrize(("surrogates", "panel", "curve"), CURVES.values(), ids=CURVES)
def test_curves_of_surrogates(surrogates, panel, curve):
    x, y = plotting.plot_surrogates(surrogates)[panel].get_lines()[0].get_data()
    np.testing.assert_allclose(y, curve(x), rtol=1e-4, atol=1e-4)


def test_what_the_axes_measure():
    gradient, original = plotting.plot_surrogates(["Sigmoid"])
    assert gradient.get_xlabel() == "membrane potential minus threshold\n(in units of the scale)"
    assert [text.get_text().strip() for text in original.texts] == ["spike"]
    gradient, original = plotting.plot_surrogates(WIDE)
    for panel in (gradient, original):
        assert panel.get_xlabel() == "membrane potential minus threshold (mV)"
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
