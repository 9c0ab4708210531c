"""Every figure draws into the axes that it is given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_comparison import compared, tuned
from report_records import flow_of, population

from braintools_qps import plotting

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


@pytest.mark.parametrize("name", sorted({*FIGURES} - {"plot_surrogates"}))
def test_another_record_is_refused(name):
    other = TUNED if name == "plot_gradient_flow" else FLOW
    for record in ("results", other, {"mine": TUNED}):
        kinds = type(FIGURES[name][0]).__name__, type(record).__name__
        with pytest.raises(TypeError, match="the record must be a {}, got {}".format(*kinds)):
            getattr(plotting, name)(record)
