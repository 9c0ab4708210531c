"""Values, dtypes, units and every transform are those of jnp.dot; what is no spike is refused."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import spike_matmul


def draw(*shape, rate=0.4, seed=0):
    return np.float32(np.random.default_rng(seed).random(shape) < rate)


def normal(*shape, seed=1):
    return np.float32(np.random.default_rng(seed).normal(size=shape))


SPIKES, WEIGHTS = draw(4, 6), normal(6, 3)
by_weights = lambda spikes, **options: jax.grad(
    lambda spikes, weights: spike_matmul(spikes, weights, **options).sum(), argnums=1
)(spikes, WEIGHTS)


SHAPES = [
    ((5,), (5,)), ((3, 5), (5,)), ((2, 3, 5), (5, 2)), ((3, 5), (4, 5, 2)), ((0, 5), (5, 2)),
    *(((3, n), (n, 1)) for n in (1, 32, 33, 70)),  # 32 spikes are stored in one number
]  # fmt: skip


@pytest.mark.parametrize(("spikes", "weights"), SHAPES)
def test_shapes_values_and_gradients_are_those_of_jnp_dot(spikes, weights):
    spikes, weights = draw(*spikes), normal(*weights)
    np.testing.assert_array_equal(spike_matmul(spikes, weights), jnp.dot(spikes, weights))
    loss = lambda product: lambda s, w: jnp.sum(jnp.sin(product(s, w)))
    actual, expected = (
        jax.jit(jax.grad(loss(product), (0, 1)))(spikes, weights)
        for product in (spike_matmul, jnp.dot)
    )
    for one, other in zip(actual, expected):
        assert_close(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("spikes_dtype", "weights_dtype"),
    [
        ("float32", "float32"),
        ("float32", "bfloat16"),
        pytest.param("float16", "float32", marks=pytest.mark.float16),
        ("int32", "bfloat16"),
        ("bool", "float32"),
        ("float64", "float64"),
    ],
)
def test_the_dtype_is_that_of_jnp_dot(spikes_dtype, weights_dtype):
    spikes, weights = SPIKES.astype(spikes_dtype), WEIGHTS.astype(weights_dtype)
    with jax.enable_x64(spikes_dtype == "float64"):
        product = spike_matmul(spikes, weights)
        assert product.dtype == jnp.dot(spikes, weights).dtype
        slope = jax.jit(jax.grad(lambda w: spike_matmul(spikes, w).sum().astype(float)))(weights)
    assert slope.dtype == weights_dtype
    assert_close(slope, np.broadcast_to(SPIKES.sum(0)[:, None], (6, 3)))


@pytest.mark.parametrize("spikes_dtype", ["int8", "bool"])
def test_integer_weights_give_integers_exactly(spikes_dtype):
    """2^24 + 1 is no float32."""
    weights = np.full((6, 3), 2**24 + 1, np.int32)
    product = spike_matmul(SPIKES.astype(spikes_dtype), weights)
    assert product.dtype == jnp.int32
    np.testing.assert_array_equal(product, np.asarray(SPIKES, np.int64) @ weights)


@pytest.mark.parametrize(
    ("spikes", "weights", "scale", "expected"),
    [
        (1, u.mS, None, u.mS),
        (3 * u.mA, u.ohm, 0.003 * u.amp, 3 * u.mA * u.ohm),
        (u.mV, 1 / u.mV, u.mV, 1),
        (1, u.mS, u.Quantity(1e-3, unit=u.volt / u.mV), u.mS),
    ],
)
def test_units(spikes, weights, scale, expected):
    product = spike_matmul(SPIKES * spikes, WEIGHTS * weights, scale=scale)
    assert_close(product, jnp.dot(SPIKES, WEIGHTS) * expected)
    loss = lambda w: spike_matmul(SPIKES * spikes, w, scale=scale).sum()
    slope = u.autograd.grad(loss)(WEIGHTS * weights)
    by_hand = np.broadcast_to(SPIKES.sum(0)[:, None], (6, 3)) * spikes
    assert_close(u.get_mantissa(slope), u.get_mantissa(by_hand))


@pytest.mark.parametrize("scale", [1 / 0.7, -0.25, 1.0, jnp.float32(3.0)])
def test_scaled_spikes_give_scaled_products_and_gradients(scale):
    spikes = SPIKES * scale
    assert_close(spike_matmul(spikes, WEIGHTS, scale=scale), spikes @ WEIGHTS, atol=1e-6)
    assert_close(by_weights(spikes, scale=scale), np.tile(spikes.sum(0)[:, None], 3))


def test_a_traced_scale_is_a_fact_about_the_spikes():
    """It has no derivative of its own: the spikes carry it."""
    loss = lambda scale: spike_matmul(SPIKES * scale, WEIGHTS, scale=scale).sum()
    assert_close(jax.jit(jax.grad(loss))(1.5), (SPIKES @ WEIGHTS).sum(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1 / 0.9, -0.3, 1e30])
def test_a_spike_may_differ_from_the_scale_by_its_rounding_and_no_more(scale):
    scale = jnp.float32(scale)
    above = jnp.nextafter(scale, jnp.float32(jnp.inf))
    beyond = jnp.nextafter(above, jnp.float32(jnp.inf))
    gradient = lambda *values: jax.jit(jax.grad(lambda w, x: spike_matmul(x, w, scale=scale)))(
        jnp.ones(len(values)), jnp.array(values)
    )
    assert_close(gradient(0, scale, above), [0, scale, scale])
    for value in (beyond, 1.0001 * scale, 1.0):
        assert np.isnan(gradient(0, scale, value)).all()


def test_where_jax_promotes_no_dtypes():
    weights, scale = np.ones((6, 2), "bfloat16"), jnp.float32(0.5)
    with jax.numpy_dtype_promotion("strict"):
        product = lambda w: spike_matmul(jnp.asarray(SPIKES / 2, "bfloat16"), w, scale=scale)
        slope = jax.jit(jax.grad(lambda w: product(w).sum()))(weights)
    assert_close(slope, np.tile(SPIKES.sum(0)[:, None] / 2, 2))


@pytest.mark.parametrize("value", [0.5, np.inf, np.nextafter(np.float32(1), np.float32(0))])
def test_in_a_transformation_a_graded_spike_makes_the_gradient_nan(value):
    """Value and derivative by the spikes are right, the one by the weights that its 32 meet NaN."""
    sound, weights = draw(4, 40), normal(40, 3)
    spikes = sound.copy()
    spikes[2, 33] = value
    np.testing.assert_array_equal(jax.jit(spike_matmul)(spikes, weights), jnp.dot(spikes, weights))
    loss = lambda spikes, weights: spike_matmul(spikes, weights).sum()
    by_spikes, by_weights = jax.jit(jax.grad(loss, (0, 1)))(spikes, weights)
    assert_close(by_spikes, np.tile(weights.sum(1), (4, 1)), atol=1e-6)
    expected = np.tile(sound.sum(0)[:, None], 3)
    expected[32:] = np.nan
    assert_close(by_weights, expected)


def test_debug_nans_finds_it():
    with jax.debug_nans(True), pytest.raises(ValueError, match="got 0.5 among them"):
        jax.jit(by_weights)(SPIKES * 0.5)


BITS, MATRIX = draw(3, 5, rate=0.5), normal(5, 2)
DIRECTION = np.cos(BITS + np.float32(np.arange(5))), np.sin(MATRIX)


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


BOTH = {"argnums": (0, 1)}
STACKS = np.stack([BITS, 1 - BITS]), np.stack([MATRIX, -MATRIX], axis=2)


def mapped(product, axes, *arguments):
    return jax.jit(jax.vmap(jax.grad(curved(product), **BOTH), axes))(*arguments)


TRANSFORMS = {
    "jvp": lambda p: jax.jvp(p, (BITS, MATRIX), DIRECTION),
    "checkpoint": lambda p: jax.jit(jax.grad(jax.checkpoint(curved(p)), 1))(BITS, MATRIX),
    "reverse over reverse": lambda p: jax.jit(jax.jacrev(jax.grad(curved(p), **BOTH), **BOTH))(
        BITS, MATRIX
    ),
    "forward over forward": lambda p: jax.jacfwd(jax.jacfwd(curved(p), 1))(BITS, MATRIX),
    "scan": lambda p: jax.jit(jax.grad(scanned(p), **BOTH))(BITS, MATRIX),
    "scan, forward": lambda p: jax.jit(jax.jacfwd(scanned(p), 1))(BITS, MATRIX),
    "vmap over spikes": lambda p: mapped(p, (0, None), STACKS[0], MATRIX),
    "vmap over both": lambda p: mapped(p, (0, 2), *STACKS),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_transform_gives_what_it_gives_of_jnp_dot(transform):
    actual, expected = (jax.tree.leaves(transform(p)) for p in (spike_matmul, jnp.dot))
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other, rtol=1e-5, atol=1e-5)
