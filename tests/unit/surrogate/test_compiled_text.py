"""What XLA makes of the surrogate: units leave no trace, and a product is one pass over memory."""

from __future__ import annotations

import re

import brainunit as u
import jax
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._surrogate import spike

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


def test_the_comparison_can_tell_programs_apart():
    assert compiled_text(product(QPseudoSpike(2.0))) != compiled_text(product(QPseudoSpike(3.0)))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7, 2.0, 8.0, float("inf")])
def test_a_product_is_one_fusion_and_calls_no_library(alpha):
    text = compiled_text(product(QPseudoSpike(alpha)))
    assert len(re.findall(r" fusion\(", text)) == 1
    assert "custom-call" not in text
    assert "power(" not in text


def test_an_eager_call_with_a_new_alpha_compiles_nothing():
    QPseudoSpike(2.0)(X)
    programs = spike._heaviside._cache_size()
    QPseudoSpike(2.123)(X)
    assert spike._heaviside._cache_size() == programs > 0
