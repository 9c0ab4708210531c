"""What XLA makes of the surrogate: units leave no trace, and a product is one pass over memory."""

from __future__ import annotations

import re

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike

X = jnp.linspace(-3.0, 3.0, 1000)


def compiled_text(function):
    """The optimised program, without the names that it was traced under."""
    text = jax.jit(function).lower(X, X).compile().as_text()
    text = re.sub(r", metadata=\{[^}]*\}", "", text)
    return text[text.index("\n\n%") :] if "\n\n%" in text else text


def product(spike):
    return lambda x, ct: jax.vjp(spike, x)[1](ct)[0]


@pytest.mark.parametrize("alpha", [0.5, 1.7, 2.0, float("inf")])
def test_a_quantity_costs_nothing(alpha):
    plain = QPseudoSpike(alpha, scale=15.0)
    with_units = QPseudoSpike(alpha, scale=15.0 * u.mV)
    millivolts = lambda x, ct: product(with_units)(x * u.mV, ct).mantissa
    assert compiled_text(millivolts) == compiled_text(product(plain))
    assert compiled_text(millivolts) != compiled_text(product(plain.replace(scale=14.0)))


@pytest.mark.parametrize(
    "alpha",
    [0.5, 1.7, 2.0, 8.0, float("inf"), np.linspace(0.5, 8.0, 1000)],
    ids=["0.5", "1.7", "2", "8", "inf", "one per neuron"],
)
def test_elementwise_work_is_one_fusion_and_calls_no_library(alpha):
    """One pass over memory. (Compact residuals are stored between two, which is their purpose.)"""
    surrogate = QPseudoSpike(alpha)
    original = lambda x, ct: surrogate.surrogate_fun(x)
    for function in (product(surrogate), original, lambda x, ct: surrogate(x)):
        text = compiled_text(function)
        assert len(re.findall(r" fusion\(", text)) == 1
        assert not re.findall(r"power\(| (?:while|custom-call|call)\(", text)


EAGER = {
    "forward": lambda surrogate: surrogate(X),
    "surrogate_grad": lambda surrogate: surrogate.surrogate_grad(X),
    "surrogate_fun": lambda surrogate: surrogate.surrogate_fun(X),
    "grad": lambda surrogate: jax.grad(lambda x: surrogate(x).sum())(X),
    "vmap of grad": lambda surrogate: jax.vmap(jax.grad(surrogate))(X),
}


@pytest.mark.parametrize("call", EAGER.values(), ids=EAGER)
def test_outside_of_jit_one_program_serves_all_numbers(call, caplog):
    call(QPseudoSpike(1.9, scale=3.0, dampening=0.2))
    with jax.log_compiles():
        for alpha in (2.123, 0.3, 40.0):
            call(QPseudoSpike(alpha, scale=1 + alpha, dampening=alpha / 2))
        assert not [record for record in caplog.records if "Compiling" in record.getMessage()]
        jax.jit(lambda x: x + alpha)(X)  # what is compiled is seen
    assert [record for record in caplog.records if "Compiling" in record.getMessage()]
