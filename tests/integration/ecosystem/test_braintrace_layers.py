"""Networks with braintrace's layers, whose products are primitives of their own.

Expected values come from the same network with the layers of brainstate.
"""

import brainevent
import brainstate
import braintrace
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Memoryless, gradient_flow, only
from helpers import thorough, thorough_but

from braintools_qps import normalize_rates

STEPS, N = 6, 8
RANDOM = np.random.default_rng(0)
WEIGHTS = [RANDOM.normal(size=(N, N)).astype(np.float32) for _ in range(2)]
KERNEL = RANDOM.normal(size=(3, 3, 2, 2)).astype(np.float32)
MASK = RANDOM.random((N, N)) < 0.5


class Chain(brainstate.nn.Module):
    """Populations, each behind a layer; the last is read out."""

    def __init__(self, *layers, shape=(N,)):
        super().__init__()
        self.layers = list(layers)
        self.neurons = [Memoryless(shape) for _ in layers]

    def update(self, x):
        for layer, neurons in zip(self.layers, self.neurons):
            x = neurons(layer(x))
        return x


def biased(library):
    bias = np.full(N, 0.3, np.float32)
    return Chain(*(library.nn.Linear(N, N, w_init=weights, b_init=bias) for weights in WEIGHTS))


def signed(library):
    return Chain(*(library.nn.SignedWLinear(N, N, w_init=weights) for weights in WEIGHTS))


def convolved(library):
    return Chain(library.nn.Conv2d((N, N, 2), 2, (3, 3), w_init=KERNEL), shape=(N, N, 2))


def inputs(samples, *shape):
    return jnp.asarray(np.random.default_rng(1).random((STEPS, samples, *shape)) < 0.5, jnp.float32)


FORMS = {"biased": biased, "signed": signed, "convolved": convolved}


@pytest.mark.parametrize("samples", [thorough(3), N])  # as many as neurons: all shapes are equal
@pytest.mark.parametrize("form", thorough_but(["biased", "convolved"], FORMS))
def test_they_are_measured_as_those_of_brainstate(form, samples):
    make, given = FORMS[form], inputs(samples, *((N, N, 2) if form == "convolved" else (N,)))
    theirs, ours = make(braintrace), make(brainstate)
    assert braintrace.__name__ in type(theirs.layers[0]).__module__
    found, expected = (only(gradient_flow(model, given, seed=0)) for model in (theirs, ours))
    assert found.operations == expected.operations
    assert found.operations.synaptic > 0
    for one, other in zip(found.populations, expected.populations):
        moments = one.gradient.second_moments, other.gradient.second_moments
        np.testing.assert_allclose(*moments, rtol=1e-5)
    scaled, wanted = (normalize_rates(model, given, 0.1) for model in (theirs, ours))
    assert scaled == wanted


@pytest.fixture
def without_numba():
    """Sparse products in JAX's own operations."""
    brainevent.config.set_backend("cpu", "jax_raw")
    yield
    brainevent.config.set_backend("cpu", None)


@pytest.mark.usefixtures("without_numba")
@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["braintrace", "binary", "float"])
def test_sparse_products_count_and_are_scaled_as_the_masked_matrix(kind):
    """As many samples as neurons, weights only where the mask has them."""
    matrix = brainevent.CSR.fromdense(jnp.asarray(WEIGHTS[0] * MASK))

    class Sparse(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = brainstate.ParamState(matrix.data)

        def update(self, x):
            signals = brainevent.BinaryArray(x) if kind == "binary" else x
            return signals @ matrix.with_data(self.weight.value)

    layer = braintrace.nn.SparseLinear(matrix) if kind == "braintrace" else Sparse()
    masked = brainstate.nn.Linear(N, N, w_init=WEIGHTS[0], b_init=None, w_mask=MASK)
    given = inputs(N, N)
    found = only(gradient_flow(Chain(layer), given))
    assert found.operations.synaptic == pytest.approx(float((given @ MASK).sum()) / N)
    (one,), (other,) = (normalize_rates(Chain(x), given, 0.1).populations for x in (layer, masked))
    assert one.factor == pytest.approx(other.factor)
