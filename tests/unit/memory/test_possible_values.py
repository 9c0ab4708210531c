"""Possible values by hand: what small programs make of spikes, which are 0 or 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import pallas

from braintools_qps._memory.possible_values import ANY, FLAG, spread

SPIKES = jnp.zeros((2, 4))


def follow(function):
    """Values of the results; its argument is {0, 1}."""
    return spread(jax.make_jaxpr(function)(SPIKES), [FLAG], lambda eqn, values: None)


@jax.custom_vjp
def ruled(s):
    return 2 * s


ruled.defvjp(lambda s: (ruled(s), None), lambda _, g: (2 * g,))


def doubled(s):
    def kernel(read, written):
        written[...] = 2 * read[...]

    return pallas.pallas_call(kernel, jax.ShapeDtypeStruct(s.shape, s.dtype))(s)


EITHER = frozenset({0.0, 1.0, 3.0})
BESIDE = lambda s: jnp.concatenate([jnp.sin(s)[..., :3], s], axis=-1)
PARTS = ((3, ANY), (4, FLAG))


def swapping(s):
    """Two arrays change places, and a third one grows."""
    body = lambda carry: (carry[0] + 1, carry[2], carry[1], carry[3] * 2)
    start = (0, s, jnp.full_like(s, 3.0), s)
    return lax.while_loop(lambda carry: carry[0] < 5 + s[0, 0], body, start)[1:]


# The values of each result, by parts along its last axis where they differ.
PROGRAMS = {
    "rearranged": (lambda s: s.T.reshape(-1)[None, ::-1], {0, 1}),
    "some of them": (lambda s: s[:, jnp.array([0, 3])], {0, 1}),
    "filled beyond the edge": (lambda s: s.at[9].get(mode="fill", fill_value=0.5), {0, 0.5, 1}),
    "put where an index says": (lambda s: s.at[1, jnp.array([2, 3])].set(7.0), {0, 1, 7}),
    "put in one piece": (
        lambda s: lax.dynamic_update_slice(s, 3 * s[:1, :2], (jnp.int32(s.sum()), 0)), {0, 1, 3},
    ),
    "split": (lambda s: jnp.split(s, 2, axis=1)[1], {0, 1}),
    "sliced where an index says": (
        lambda s: lax.dynamic_slice(s, (jnp.int32(s.sum()), 0), (2, 2)), {0, 1},
    ),
    "padded": (lambda s: jnp.pad(s, 1), {0, 1}),
    "cast": (lambda s: s.astype(jnp.bfloat16), {0, 1}),
    "inverted": (lambda s: 1 - s, {0, 1}),
    "dropped": (
        lambda s: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, s.shape), s, 0), {0, 1},
    ),
    "compared": (lambda s: (jnp.sin(s) > 0).astype(float), {0, 1}),
    "pooled": (lambda s: s.max(axis=1), {0, 1}),
    "pooled in windows": (
        lambda s: lax.reduce_window(s, -np.inf, lax.max, (1, 2), (1, 2), [(0, 0), (1, 1)]), {0, 1},
    ),
    "counted": (lambda s: s.sum(), ANY),
    "counted by a function": (lambda s: lax.reduce(s, 0.0, lambda a, b: a + b, (0, 1)), ANY),
    "from a kernel": (doubled, ANY),
    "with a rule of its own": (ruled, {0, 2}),
    "added": (lambda s: s + s + s, {0, 1, 2, 3}),
    "called": (lambda s: jax.jit(jax.checkpoint(jax.nn.relu))(s), {0, 1}),
    "a branch": (lambda s: lax.cond(s[0, 0] > 0, lambda s: 2 * s, lambda s: s, s), {0, 1, 2}),
    "a constant": (lambda s: jnp.asarray([0.0, 2.0, 2.0]), {0, 2}),
    "nobody knows": (lambda s: jnp.asarray([0.0, np.nan]), ANY),
    "many constants": (lambda s: jnp.asarray(np.arange(5.0)), ANY),  # more than are followed
    "beside floats": (BESIDE, PARTS),
    "beside floats and other spikes": (
        lambda s: jnp.concatenate([BESIDE(s), 3 * s], axis=-1), (*PARTS, (4, {0, 3})),
    ),
    "beside floats, folded": (lambda s: BESIDE(s[None]).reshape(-1, 7), PARTS),
    "beside floats, along a new axis": (lambda s: jnp.broadcast_to(BESIDE(s), (5, 2, 7)), PARTS),
    "beside floats, along the last axis": (
        lambda s: lax.broadcast_in_dim(BESIDE(s[:1])[0], (7, 7), (0,)), ANY,
    ),
    "beside floats, carried": (
        lambda s: lax.scan(lambda c, s: (c, BESIDE(s[None])), 0.0, s)[1], PARTS,
    ),
    "beside floats, transposed": (lambda s: BESIDE(s).T, ANY),
    "beside floats, sliced": (lambda s: BESIDE(s)[:, 1:], ANY),
    "beside floats, split": (lambda s: jnp.split(BESIDE(s), [3], axis=1)[1], ANY),
    "beside floats, added": (lambda s: 1 + BESIDE(s), ANY),
    "beside floats, regrouped": (lambda s: BESIDE(s).reshape(7, 2), ANY),
    "on top of floats": (lambda s: jnp.concatenate([jnp.sin(s), s]), ANY),
    "a loop: silence first, then what came in": (
        lambda s: lax.scan(lambda before, s: (s, before), jnp.zeros(4), s), FLAG, FLAG,
    ),
    "a loop: adding up": (
        lambda s: lax.scan(lambda total, s: (total + s, s), jnp.zeros(4), s), ANY, FLAG,
    ),
    "a loop: a constant beside": (
        lambda s: lax.scan(lambda c, row: (c, row * (3 * s[0])), jnp.ones(4), s), {1}, {0, 3},
    ),
    "a loop: while": (swapping, EITHER, EITHER, ANY),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_values_that_a_program_can_give(name):
    program, *expected = PROGRAMS[name]
    assert follow(program) == expected
