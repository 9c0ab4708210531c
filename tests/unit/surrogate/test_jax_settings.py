"""The numeric core under each setting of JAX that users have on, with numpy's values."""

from contextlib import ExitStack

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from helpers import FLOAT16, assert_close
from jax.experimental import checkify

from braintools_qps import QPseudoSpike, Scaled

SETTINGS = {
    "strict dtypes": lambda: jax.numpy_dtype_promotion("strict"),
    "rank promotion raises": lambda: jax.numpy_rank_promotion("raise"),
    "debug NaNs": lambda: jax.debug_nans(True),
    "enable checks": lambda: jax.enable_checks(True),
}
X = np.array([[-1.5, 0.0, 3.0], [0.75, -3.0, 1.5]])
SURROGATES = {
    "alpha known": QPseudoSpike(2.0),
    "arbitrary": QPseudoSpike(1.7, scale=3.0),
    "per neuron": QPseudoSpike(jnp.array([1.0, 2.0, 3.0]), scale=jnp.array([1.0, 2.0, 4.0])),
    "8 bits": QPseudoSpike(2.0, residual_dtype="uint8"),
    "16 bits": QPseudoSpike(2.0, dampening=jnp.full(3, 0.5), residual_dtype="bfloat16"),
    "scaled": Scaled(Sigmoid(), scale=2.0, residual_dtype="uint8"),
}


def by_hand(name, x):
    """The surrogate gradient in float64."""
    formula = lambda alpha: (1 + 2 * np.abs(x) / (alpha + 1)) ** -alpha
    if name == "arbitrary":
        return (1 + 2 * np.abs(x / 3) / 2.7) ** -1.7 / 3
    if name == "per neuron":
        alpha, scale = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
        return (1 + 2 * np.abs(x / scale) / (alpha + 1)) ** -alpha / scale
    if name == "scaled":
        s = 1 / (1 + np.exp(-2 * x))
        return 2 * s * (1 - s)
    return (0.5 if name == "16 bits" else 1.0) * formula(2)


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS)
def _setting(request):
    with request.param():
        yield


@pytest.mark.usefixtures("_setting")
@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("dtype", [FLOAT16, "float32"])
def test_every_method(name, dtype):
    surrogate, expected = SURROGATES[name], by_hand(name, X)
    x = jnp.asarray(X, dtype)
    rounding = {"float16": 2**-9, "float32": 2e-6}[dtype]
    assert_close(surrogate(x), X >= 0)
    # braintools' Sigmoid takes 1 - s, which has no more digits than atol where s is nearly 1.
    assert_close(surrogate.surrogate_grad(x), expected, rtol=rounding, atol=1e-7)
    assert surrogate.surrogate_fun(x).dtype == dtype
    gradient = jax.jit(jax.grad(lambda x: surrogate(x).sum()))(x)
    coarse = {"8 bits": 2**-5, "16 bits": 2**-8, "scaled": 2**-3}.get(name, rounding)
    assert_close(gradient, expected, rtol=max(rounding, coarse), atol=2e-3 * (name == "scaled"))


@pytest.mark.usefixtures("_setting")
def test_second_order_and_parameters():
    """d/dx (1 + 2x/3)^-2 = -4/3 (1 + 2x/3)^-3, and by the scale -(g + x g') / s^2 at s = 1."""
    x = jnp.float32(0.75)
    slope = -4 / 3 / 1.5**3
    assert_close(jax.grad(jax.grad(QPseudoSpike(2.0)))(x), jnp.float32(slope))
    by_scale = jax.grad(lambda s: jax.grad(QPseudoSpike(2.0, scale=s))(x))(jnp.float32(1.0))
    assert_close(by_scale, jnp.float32(-(1 / 1.5**2 + 0.75 * slope)))
    by_alpha = jax.grad(lambda a: QPseudoSpike(a).surrogate_grad(x))(jnp.float32(2.0))
    # g (-ln(1 + 2x/3) + 2 (2x/9) / (1 + 2x/3))
    assert_close(by_alpha, jnp.float32((-np.log(1.5) + 2 * (1.5 / 9) / 1.5) / 1.5**2), rtol=5e-6)


@pytest.mark.float16
@pytest.mark.usefixtures("_setting")
def test_units():
    v = jnp.float16(7.5) * u.mV
    surrogate = QPseudoSpike(2.0, scale=jnp.float16(10.0) * u.mV)
    assert_close(surrogate.surrogate_grad(v) * u.mV, jnp.float16(0.1 / 1.5**2))


@pytest.mark.float16
def test_an_array_in_a_surrogate_of_braintools_beside_half_precision():
    """What is computed in single precision is also tried out in it. At 0 the slope is alpha / 4."""
    spike = Scaled(Sigmoid(jnp.array([1.0, 2.0, 4.0])), scale=2.0)
    with jax.numpy_dtype_promotion("strict"):
        gradient = spike.surrogate_grad(jnp.zeros(3, "float16"))
    assert_close(gradient, [0.125, 0.25, 0.5])


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.7, 2.0, float("inf")])
def test_checkify_finds_nothing(alpha):
    """No division by 0 and no NaN, not even in a branch that is not taken."""
    x = jnp.array([-1.0, 0.0, 0.5])
    surrogate = QPseudoSpike(alpha)
    for function in (
        surrogate,
        surrogate.surrogate_grad,
        surrogate.surrogate_fun,
        jax.grad(lambda x: surrogate(x).sum()),
        lambda x: jax.jvp(lambda a: QPseudoSpike(a).surrogate_fun(x), (1.0,), (1.0,))[1],
    ):
        checked = checkify.checkify(function, errors=checkify.float_checks)
        checked(x)[0].throw()


def test_all_settings_at_once():
    with ExitStack() as stack:
        for setting in SETTINGS.values():
            stack.enter_context(setting())
        x = jnp.asarray(X, jnp.bfloat16)
        gradient = jax.grad(lambda x: SURROGATES["per neuron"](x).sum())(x)
        assert_close(gradient, by_hand("per neuron", X), rtol=2**-6)
