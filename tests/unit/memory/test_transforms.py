"""Every transform gives what it gives of jnp.dot, in both arguments and at either order."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import spike_matmul

rng = np.random.default_rng(0)
SPIKES = jnp.asarray(rng.random((3, 5)) < 0.5, jnp.float32)
WEIGHTS = jnp.asarray(rng.normal(size=(5, 2)), jnp.float32)
DIRECTION = (jnp.cos(SPIKES + jnp.arange(5)), jnp.sin(WEIGHTS))


def curved(product):
    """A scalar whose derivatives of every order mix both arguments."""
    return lambda spikes, weights: jnp.sum(jnp.sin(product(spikes, weights)) ** 2)


def scanned(product):
    """Spikes of one step, from a membrane that sees those of the step before."""

    def run(spikes, weights):
        def step(spikes, _):
            drive = jnp.pad(product(spikes, weights), ((0, 0), (0, 3)))
            ahead = spikes + 0.1 * (drive - jax.lax.stop_gradient(drive))
            return ahead, jnp.sum(jnp.sin(drive))

        return jnp.sum(jax.lax.scan(step, spikes, None, length=4)[1])

    return run


ARGUMENTS = {"argnums": (0, 1)}
TRANSFORMS = {
    "value": lambda p: jax.jit(p)(SPIKES, WEIGHTS),
    "jit of grad": lambda p: jax.jit(jax.grad(curved(p), **ARGUMENTS))(SPIKES, WEIGHTS),
    "jvp": lambda p: jax.jvp(p, (SPIKES, WEIGHTS), DIRECTION),
    "linearize": lambda p: jax.linearize(p, SPIKES, WEIGHTS)[1](*DIRECTION),
    "checkpoint": lambda p: jax.jit(jax.grad(jax.checkpoint(curved(p)), 1))(SPIKES, WEIGHTS),
    "reverse over reverse": lambda p: jax.jit(
        jax.jacrev(jax.grad(curved(p), **ARGUMENTS), **ARGUMENTS)
    )(SPIKES, WEIGHTS),
    "scan": lambda p: jax.jit(jax.grad(scanned(p), **ARGUMENTS))(SPIKES, WEIGHTS),
    "scan, forward": lambda p: jax.jit(jax.jacfwd(scanned(p), 1))(SPIKES, WEIGHTS),
    "brainstate": lambda p: brainstate.transform.grad(curved(p), argnums=1)(SPIKES, WEIGHTS),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_transform_gives_what_it_gives_of_jnp_dot(transform):
    actual, expected = (jax.tree.leaves(transform(p)) for p in (spike_matmul, jnp.dot))
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected):
        assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("in_axes", [(0, None), (0, 2)])
def test_vmap_over_spikes_weights_or_both(in_axes):
    spikes, weights = jnp.stack([SPIKES, 1 - SPIKES]), jnp.stack([WEIGHTS, -WEIGHTS], axis=2)
    arguments = spikes, WEIGHTS if in_axes[1] is None else weights
    mapped = lambda p: jax.jit(jax.vmap(jax.grad(curved(p), **ARGUMENTS), in_axes))(*arguments)
    for one, other in zip(mapped(spike_matmul), mapped(jnp.dot)):
        assert_close(one, other, rtol=1e-5, atol=1e-6)
