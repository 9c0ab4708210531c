"""What test_sharding.py runs where JAX sees eight devices: no more collectives than jnp.dot has."""

import re
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from braintools_qps import spike_matmul

COLLECTIVE = re.compile(
    r"\b(all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\("
)
SHARDED = {
    "batch": (P("devices"), P()),
    "neurons that spike": (P(None, "devices"), P("devices")),
    "neurons that receive": (P(), P(None, "devices")),
}


def through_time(product):
    """A loss over three steps, each with spikes of its own."""

    def loss(spikes, weights):
        def step(carry, threshold):
            fired = (carry > threshold).astype(carry.dtype)
            return carry, jnp.sum(jnp.sin(product(fired, weights)))

        return jnp.sum(jax.lax.scan(step, spikes, jnp.array([0.2, 0.5, 0.8]))[1])

    return jax.jit(jax.grad(loss, 1))


def check(spikes, weights):
    compiled, results = {}, {}
    for product in (jnp.dot, spike_matmul):
        gradient = through_time(product)
        compiled[product] = gradient.lower(spikes, weights).compile().as_text()
        results[product] = gradient(spikes, weights)
    assert Counter(COLLECTIVE.findall(compiled[spike_matmul])) == Counter(
        COLLECTIVE.findall(compiled[jnp.dot])
    )
    one, other = results.values()
    assert one.sharding.is_equivalent_to(other.sharding, one.ndim)
    np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    assert jax.device_count() == 8
    mesh = jax.make_mesh((8,), ("devices",), axis_types=(AxisType.Auto,))
    rng = np.random.default_rng(0)
    arrays = np.float32(rng.random((16, 256))), np.float32(rng.normal(size=(256, 8)))
    for specs in SHARDED.values():
        placed = [jax.device_put(a, NamedSharding(mesh, s)) for a, s in zip(arrays, specs)]
        check(*placed)
