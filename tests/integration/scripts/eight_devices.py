"""What test_devices.py runs where JAX sees eight devices; a traceback names the case."""

import re
from collections import Counter

import digits
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Sigmoid
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from braintools_qps import QPseudoSpike, Scaled, spike_matmul

COLLECTIVE = re.compile(r"all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter")
CALLED = re.compile(rf"\b({COLLECTIVE.pattern})(?:-start)?\(")
SURROGATES = [QPseudoSpike(1.7), QPseudoSpike(2.0, residual_dtype="uint8")]


def mesh(axis, kind=AxisType.Auto):
    return jax.make_mesh((8,), (axis,), axis_types=(kind,))


def batch():
    return [jnp.asarray(data[:128]) for data in digits.load()]


def data_parallel():
    devices = mesh("batch")
    weights = jax.device_put(digits.initial_weights(), NamedSharding(devices, P()))
    images, labels = jax.device_put(batch(), NamedSharding(devices, P("batch")))
    text = (
        digits.gradient.lower(weights, images, labels, surrogate=SURROGATES[0]).compile().as_text()
    )
    collectives = [line for line in text.splitlines() if COLLECTIVE.search(line)]
    assert collectives, "the gradient of the weights must be summed over devices"
    assert not [line for line in collectives if "jit(_step)" in line]


def no_collective():
    """Elementwise in either way of sharding, and the result stays where its input was."""
    for kind in (AxisType.Auto, AxisType.Explicit):
        where = NamedSharding(mesh("neurons", kind), P(None, "neurons"))
        x = jax.device_put(jnp.linspace(-3.0, 3.0, 16 * 64).reshape(16, 64), where)
        others = [
            Scaled(Sigmoid(alpha), residual_dtype=dtype)
            for alpha in (4.0, jnp.linspace(1.0, 9.0, 64))
            for dtype in ("bfloat16", "uint8")
        ]
        for surrogate in SURROGATES + others:
            for function in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
                check_elementwise(jax.jit(function), x)
            check_elementwise(jax.jit(jax.grad(lambda x, s=surrogate: s(x).sum())), x)


def check_elementwise(function, x):
    result = function(x)
    assert result.sharding.is_equivalent_to(x.sharding, x.ndim)
    assert not COLLECTIVE.search(function.lower(x).compile().as_text())


def through_time(product):
    """The gradient of a loss over three steps, each with spikes of its own."""

    def loss(spikes, weights):
        def step(carry, threshold):
            fired = (carry > threshold).astype(carry.dtype)
            return carry, jnp.sum(jnp.sin(product(fired, weights)))

        return jnp.sum(jax.lax.scan(step, spikes, jnp.array([0.2, 0.5, 0.8]))[1])

    return jax.jit(jax.grad(loss, 1))


def packed_where_the_spikes_are():
    """Batch, senders or receivers may be split: no more collectives than jnp.dot has."""
    rng, devices = np.random.default_rng(0), mesh("devices")
    arrays = np.float32(rng.random((16, 256))), np.float32(rng.normal(size=(256, 8)))
    none, first, second = P(), P("devices"), P(None, "devices")
    for specs in ((first, none), (second, first), (none, second)):
        placed = [jax.device_put(a, NamedSharding(devices, s)) for a, s in zip(arrays, specs)]
        plain, ours = through_time(jnp.dot), through_time(spike_matmul)
        texts = [f.lower(*placed).compile().as_text() for f in (plain, ours)]
        assert len({frozenset(Counter(CALLED.findall(text)).items()) for text in texts}) == 1
        one, other = plain(*placed), ours(*placed)
        assert one.sharding.is_equivalent_to(other.sharding, one.ndim)
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    assert jax.device_count() == 8
    for case in (data_parallel, no_collective, packed_where_the_spikes_are):
        case()
