"""A surrogate of this package comes back from its repr, whatever is in it."""

import braintools.surrogate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from helpers import names_that_build

from braintools_qps import QPseudoSpike, Scaled, get_surrogate

inf = float("inf")


@pytest.mark.parametrize(
    "surrogate",
    [
        QPseudoSpike(),
        QPseudoSpike(inf),
        QPseudoSpike(1e-30, scale=2e-38, dampening=1e30, residual_dtype="uint8"),
        QPseudoSpike(scale=15 * u.mV),
        QPseudoSpike(scale=u.Quantity(inf, unit=u.mV / u.ms)),
        QPseudoSpike(scale=15.0 * u.mV**0.5),
    ],
)
def test_a_repr_is_a_spec(surrogate):
    assert get_surrogate(repr(surrogate)) == surrogate


@pytest.mark.parametrize("name", names_that_build())
def test_the_repr_of_a_scaled_one_is_a_spec(name):
    """Of braintools' QPseudoSpike too, which shares its name with ours; nested twice as well."""
    scaled = Scaled(get_surrogate(name), scale=15 * u.mV)
    for surrogate in (scaled, Scaled(scaled, dampening=0.5), Scaled(Scaled(scaled))):
        assert get_surrogate(repr(surrogate)) == surrogate


def test_the_repr_says_whose_a_surrogate_is_where_the_name_does_not():
    scaled = Scaled(braintools.surrogate.QPseudoSpike(alpha=3.0))
    assert repr(scaled) == "Scaled(surrogate=braintools.surrogate.QPseudoSpike(alpha=3.0))"
    assert eval(repr(scaled), {"braintools": braintools, "Scaled": Scaled}) == scaled
    assert repr(Scaled(Sigmoid())) == "Scaled(surrogate=Sigmoid(alpha=4.0))"


def test_a_repr_with_arrays_has_the_same_numbers():
    numbers = np.array([[0.5, 2.5, inf]], np.float32)
    for alpha in (numbers, jnp.asarray(numbers), np.float64(numbers)):
        surrogate = QPseudoSpike(alpha, scale=numbers * u.mV)
        back = get_surrogate(repr(surrogate))
        np.testing.assert_array_equal(back.alpha, numbers)
        assert back.alpha.dtype == alpha.dtype
        np.testing.assert_array_equal(back.scale.to_decimal(u.mV), numbers)


@pytest.mark.parametrize(
    "argument",
    [
        "float(2)",
        "float('2')",
        "float('inf', 1)",
        "float(x='inf')",
        "Quantity(1.0)",
        "Quantity(1.0, 2)",
        "Quantity(1.0, 'mV', 2)",
        "Quantity(1.0, unit='mV')",
        "array([1.0], 'float32')",
        "array([1.0], copy=True)",
        "array([1.0], dtype='float32')",
        "array([1.0], dtype=foo)",
        "array([[1.0], [1.0, 2.0]])",
        "Array([1.0, ..., 2.0])",
        "list([1.0])",
        "u.Quantity(1.0, 'mV')",
        "array()",
    ],
)
def test_other_calls_are_no_literals(argument):
    with pytest.raises(ValueError, match="a name or a call with literal arguments"):
        get_surrogate(f"QPseudoSpike(scale={argument})")


@pytest.mark.parametrize(("text", "value"), [("+1.5", 1.5), ("+2", 2.0), ("+inf", inf)])
def test_a_plus_sign(text, value):
    assert get_surrogate(f"QPseudoSpike(alpha={text})") == QPseudoSpike(value)


def test_a_unit_that_a_repr_cannot_have_is_named():
    with pytest.raises(ValueError, match="the unit in .* is unknown"):
        get_surrogate("QPseudoSpike(scale=Quantity(1.0, 'mv'))")
