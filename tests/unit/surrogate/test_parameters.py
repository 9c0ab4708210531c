"""Bad hyperparameters: each error names the rule, the value received and the fix."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, q_pseudo_spike

NOT_NUMBERS = ["2.0", None, 2j, True, np.True_, np.array([1j]), np.array(["2"]), [2.0], object()]
NOT_POSITIVE = [0, 0.0, -1, -0.5, float("nan"), -float("inf"), np.float32(0)]


def entries(name):
    """The class and the function, called with one parameter."""
    return [
        lambda value: QPseudoSpike(**{name: value}),
        lambda value: q_pseudo_spike(1.0, **{name: value}),
        lambda value: QPseudoSpike().replace(**{name: value}),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in ("alpha", "scale", "dampening")
        for value in NOT_NUMBERS
        if not (name == "scale" and value is None)  # its default
    ],
)
def test_not_a_number(name, value):
    rule = f"{name} must be a positive real number.*For example {name}=2.0"
    for call in entries(name):
        with pytest.raises(TypeError, match=rule) as error:
            call(value)
        assert repr(value) in str(error.value)


@pytest.mark.parametrize("value", NOT_POSITIVE, ids=repr)
@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_not_positive(name, value):
    rule = f"{name} must be greater than 0, got {float(value)}. For example {name}=2.0"
    for call in entries(name):
        with pytest.raises(ValueError, match=rule):
            call(value)


@pytest.mark.parametrize("wrong", [0.0, -3.0, np.nan])
@pytest.mark.parametrize("kind", [np.array, jnp.array, lambda v: brainstate.State(jnp.array(v))])
@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_an_array_with_one_bad_element(name, kind, wrong):
    for call in entries(name):
        with pytest.raises(ValueError, match=f"{name} must be greater than 0, got {wrong} among"):
            call(kind([1.0, wrong, 2.0]))


@pytest.mark.parametrize("name", ["alpha", "dampening"])
def test_a_dimension(name):
    for call in entries(name):
        with pytest.raises(u.UnitMismatchError, match=f"{name} must be dimensionless, got 2.*mV"):
            call(2 * u.mV)


@pytest.mark.parametrize("value", [-1 * u.mV, 0 * u.mV, np.array([1.0, -1.0]) * u.mV])
def test_a_scale_in_mV_that_is_not_positive(value):
    with pytest.raises(ValueError, match="scale must be greater than 0"):
        QPseudoSpike(scale=value)


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_what_does_not_broadcast(name):
    surrogate = QPseudoSpike(**{name: jnp.ones(3)})
    for method in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
        with pytest.raises(
            ValueError, match=rf"must broadcast against x.*'{name}': \(3,\).*\(4,\)"
        ):
            method(jnp.ones(4))


def test_residual_dtype():
    for value in ("int8", "float32", jnp.float64, 16):
        with pytest.raises(ValueError, match="residual_dtype must be None or one of bfloat16"):
            QPseudoSpike(residual_dtype=value)
    assert QPseudoSpike(residual_dtype=jnp.bfloat16).residual_dtype == "bfloat16"


@pytest.mark.parametrize("q", [1.0, 0.5, jnp.array([2.0, 1.0])])
def test_from_q_needs_more_than_one(q):
    with pytest.raises(ValueError, match="q must be greater than 1"):
        QPseudoSpike.from_q(q)


def test_from_q_checks_the_rest():
    with pytest.raises(ValueError, match="sharpness must be greater than 0"):
        QPseudoSpike.from_q(2.0, sharpness=0)
    with pytest.raises(ValueError, match="dampening must be greater than 0"):
        QPseudoSpike.from_q(2.0, dampening=-1)


@pytest.mark.parametrize("value", [2, np.int64(2), np.float32(2), 2.0, np.float64(2)])
def test_numbers_become_floats(value):
    assert type(QPseudoSpike(value).alpha) is float
    assert QPseudoSpike(value) == QPseudoSpike(2.0)


def test_a_quantity_without_dimension_is_a_number():
    assert QPseudoSpike(2 * u.volt / (1000 * u.mV)) == QPseudoSpike(2.0)
    assert QPseudoSpike(u.Quantity(2000.0, unit=u.mV / u.volt)) == QPseudoSpike(2.0)


def test_traced_values_are_not_checked():
    assert jax.jit(lambda alpha: q_pseudo_spike(1.0, alpha))(-1.0) == 1.0


def test_nothing_is_lost_when_a_replacement_is_wrong():
    surrogate = QPseudoSpike(1.5)
    with pytest.raises(ValueError, match="alpha"):
        surrogate.replace(alpha=-1)
    assert surrogate == QPseudoSpike(1.5)
