"""Where the membrane lies over the derivative of a surrogate, by hand."""

import brainunit as u
import jax.numpy as jnp
import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import QPseudoSpike, Scaled
from braintools_qps._gradient_flow.slopes import slopes_at, slopes_met


@pytest.mark.parametrize(
    ("surrogate", "unit", "expected"),
    [
        (Scaled(Sigmoid(), scale=5.0), None, 5.0),
        (Scaled(Sigmoid(), scale=5000.0 * u.uvolt), u.mV, 5.0),
        (Scaled(QPseudoSpike(scale=2 * u.mV), scale=3.0), u.mV, 6.0),
    ],
)
def test_distances_are_counted_in_any_scale_of_ours(surrogate, unit, expected):
    argument = jnp.linspace(-10.0, 10.0, 8).reshape(4, 2)
    met = slopes_met(surrogate, argument, unit, slopes_at(surrogate, argument, unit))
    assert u.get_mantissa(met.scale) == pytest.approx(expected)
    assert u.get_unit(met.scale) == (unit or u.UNITLESS)
