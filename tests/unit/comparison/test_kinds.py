"""What shares a compiled program, and what does not."""

import brainunit as u
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike, Scaled, get_surrogate
from braintools_qps._comparison.kinds import adjusted, kind_of

SIGMOID, S2NN = map(get_surrogate, ("Sigmoid", "S2NN"))


def identity(surrogate, **setting):
    return kind_of(adjusted(surrogate, setting)).identity


@pytest.mark.parametrize(
    "make",
    [
        lambda numbers: QPseudoSpike(dampening=numbers),
        lambda numbers: Scaled(SIGMOID, dampening=numbers),
        lambda numbers: Scaled(SIGMOID, scale=numbers * u.mV),
    ],
)
def test_arrays_of_one_value_share_a_program(make):
    one, same, other = (make(jnp.array(numbers)) for numbers in ([1, 2.0], [1, 2.0], [1, 3.0]))
    assert identity(one, dampening=0.5) == identity(one, dampening=0.5)
    assert identity(one) == identity(same)
    assert identity(one) != identity(other)
    assert identity(one) != identity(one, dampening=0.5)


def test_arrays_of_other_units_shapes_and_surrogates_do_not():
    numbers = jnp.array([1, 2.0])
    found = {
        identity(QPseudoSpike(scale=numbers)),
        identity(QPseudoSpike(scale=numbers * u.mV)),
        identity(QPseudoSpike(scale=numbers[:, None])),
        identity(QPseudoSpike(scale=numbers, alpha=3.0)),
        identity(QPseudoSpike(dampening=numbers)),
        identity(Scaled(SIGMOID, dampening=numbers)),
        identity(Scaled(S2NN, dampening=numbers)),
        identity(Scaled(S2NN, dampening=numbers, residual_dtype="uint8")),
    }
    assert len(found) == 8
