"""Connections by a primitive that the package does not know: a sparse product of JAX."""

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import BATCH, SURROGATE, Layer, N, only, weights_and_inputs
from jax.experimental.sparse import BCOO

from braintools_qps import gradient_flow, normalize_rates

INDICES = jnp.stack(jnp.meshgrid(jnp.arange(N), jnp.arange(N), indexing="ij"), -1).reshape(-1, 2)


class Dense(Layer):
    def product(self, spikes):
        return spikes @ self.weights.value

    def update(self, x):
        spikes = self.spk_fun(self.V.value - 1.0)
        self.V.value = 0.8 * (self.V.value - spikes) + self.product(spikes) + x
        return self.spk_fun(self.V.value - 1.0)


class Sparse(Dense):
    def __init__(self, weights, spike):
        super().__init__(weights, spike)
        self.weights.value = weights.ravel()

    def product(self, spikes):
        return spikes @ BCOO((self.weights.value, INDICES), shape=(N, N))


def measured(layer, **options):
    weights, inputs = weights_and_inputs()
    (population,) = only(gradient_flow(layer(weights, SURROGATE), inputs, **options)).populations
    return population


@pytest.mark.thorough
def test_a_sparse_connection_is_a_connection():
    sparse, dense = (measured(layer) for layer in (Sparse, Dense))
    np.testing.assert_allclose(
        sparse.gradient.second_moments, dense.gradient.second_moments, rtol=1e-4
    )


def test_sparse_weights_are_input_weights():
    class Fed(brainstate.nn.Module):
        """Inputs of 1 reach the threshold with weights of 1; they are a half."""

        def __init__(self):
            super().__init__()
            self.weights = brainstate.ParamState(jnp.full(N, 0.5))
            self.layer = Layer(jnp.zeros((N, N)), SURROGATE)

        def update(self, x):
            diagonal = jnp.stack([jnp.arange(N)] * 2, -1)
            return self.layer(x @ BCOO((self.weights.value, diagonal), shape=(N, N)))

    inputs = jnp.linspace(0, 0.2, 40 * BATCH * N).reshape(40, BATCH, N)  # 0.1 is too little
    (fed,) = normalize_rates(Fed(), inputs, 0.2).populations
    assert fed.before == 0
    assert fed.after == pytest.approx(0.2, rel=0.02)
