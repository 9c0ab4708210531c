"""Every platform that XLA knows, by lowering for it here."""

import brainunit as u
import digits
import jax
import jax.export
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike

PLATFORMS = ["cpu", "cuda", "rocm", "tpu"]
X = jax.ShapeDtypeStruct((64, 256), jnp.float32)
SURROGATES = {
    "default": QPseudoSpike(),
    "any alpha": QPseudoSpike(1.7),
    "exponential": QPseudoSpike(float("inf")),
    "per neuron": QPseudoSpike(jnp.linspace(0.5, 8.0, 256)),
    "bfloat16": QPseudoSpike(2.0, residual_dtype="bfloat16"),
    "uint8": QPseudoSpike(2.0, residual_dtype="uint8"),
}


def assert_lowers_everywhere(function, *arguments):
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(*arguments)
    assert set(exported.platforms) == set(PLATFORMS)
    assert "custom_call" not in exported.mlir_module()


@pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)
def test_functions_export(surrogate):
    gradient = jax.grad(lambda x: surrogate(x).sum())
    for function in (surrogate, gradient, lambda x: surrogate.surrogate_fun(x)):
        assert_lowers_everywhere(function, X)


def test_a_voltage_exports():
    spike = QPseudoSpike(2.0, scale=15 * u.mV)
    assert_lowers_everywhere(lambda x: u.autograd.grad(lambda v: spike(v).sum())(x * u.mV), X)


@pytest.mark.thorough
def test_the_gradient_of_lif_neurons_exports():
    batch, surrogate = (data[:8] for data in digits.load()), QPseudoSpike(residual_dtype="uint8")
    gradient = lambda *given: digits.gradient(*given, surrogate=surrogate)
    assert_lowers_everywhere(gradient, digits.initial_weights(), *batch)
