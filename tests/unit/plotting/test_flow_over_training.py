"""The picture of the flow over training, read back from the axes."""

import math

import numpy as np
import pytest
from report_records import flow_of, population

from braintools_qps.plotting import plot_flow_over_training


def measured(*sizes, names=("lif",), **reach):
    return flow_of("model", [population(name, np.square(sizes), **reach) for name in names])


def test_columns_are_relative_sizes_from_their_step_to_the_next():
    history = {
        0: measured(2, 1, 0.01, reach=2, reached_start=False),
        10: measured(0, 4, 1, reach=1, reached_start=True),
    }
    (axes,) = plot_flow_over_training(history)
    (picture,) = axes.collections
    np.testing.assert_allclose(
        picture.get_array().filled(math.nan).T, [[1, 0.5, 0.005], [1, 0.25, math.nan]]
    )
    np.testing.assert_allclose(picture.get_coordinates()[0, :, 0], [0, 10, 20])
    (line,) = axes.patches
    np.testing.assert_allclose(line.get_data().values, [1.5, 1.5])
    assert (axes.get_title(), axes.get_xlabel()) == ("lif", "training step")


def test_each_population_has_a_panel_empty_where_there_is_no_gradient():
    panels = plot_flow_over_training({5: measured(0, 0, reach=0, names=("a", "b", "c"))})
    assert [axes.get_title() for axes in panels] == ["a", "b", "c"]
    assert all(axes.collections[0].get_array().mask.all() for axes in panels)


def test_without_a_measurement_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="no measurement to draw"):
        plot_flow_over_training({})
