"""Scaled alone: composition, kinks, arrays and States of another library, peaks of residuals."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import (
    S2NN,
    GaussianGrad,
    LeakyRelu,
    MultiGaussianGrad,
    Sigmoid,
    SoftSign,
    Surrogate,
)
from helpers import assert_close

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, surrogate_spec

X = jnp.array([-3.0, -0.5, 0.0, 0.5, 2.0])


def same(spike, other, x=X):
    gradient, expected = spike.surrogate_grad(x), other.surrogate_grad(x)
    assert u.get_unit(gradient) == u.get_unit(expected)
    assert_close(u.get_mantissa(gradient), u.get_mantissa(expected), rtol=3e-7)
    assert_close(spike.surrogate_fun(x), other.surrogate_fun(x), rtol=1e-6)


def test_what_is_scaled_twice_has_the_product_of_scales_and_dampenings():
    nested = Scaled(QPseudoSpike(1.7, scale=2.0, dampening=0.5), scale=3.0, dampening=0.3)
    same(nested, QPseudoSpike(1.7, scale=6.0, dampening=0.15))
    nested = Scaled(Scaled(Sigmoid(), scale=2.0, dampening=0.5), scale=3.0)
    same(nested, Scaled(Sigmoid(), scale=6.0, dampening=0.5))
    state = brainstate.State(jnp.array([2.0] * 5))
    nested = Scaled(QPseudoSpike(3.0, scale=state), scale=jnp.full(5, 3.0))
    same(nested, QPseudoSpike(3.0, scale=jnp.full(5, 6.0)))
    wider = Scaled(QPseudoSpike(scale=10 * u.mV), scale=2.0)
    same(wider, QPseudoSpike(scale=20 * u.mV), X * u.mV)
    with pytest.raises(u.UnitMismatchError, match="x and scale must have the same dim"):
        Scaled(QPseudoSpike(scale=u.mV), scale=2 * u.mV).surrogate_grad(X * u.mV)


def test_the_inner_residuals_are_replaced():
    exact = Scaled(QPseudoSpike(residual_dtype="uint8"), dampening=0.5)
    derivative = jax.vjp(exact, X)[1](jnp.ones(5))[0]
    np.testing.assert_array_equal(derivative, exact.surrogate_grad(X))


def test_at_one_it_is_the_surrogate():
    for surrogate in (Sigmoid(), LeakyRelu(), S2NN()):
        np.testing.assert_array_equal(
            Scaled(surrogate).surrogate_fun(X), surrogate.surrogate_fun(X)
        )


def test_the_original_function_has_the_derivative_at_kinks_too():
    for surrogate in (SoftSign(), LeakyRelu(), S2NN()):
        spike = Scaled(surrogate, scale=2.0, dampening=0.3)
        np.testing.assert_array_equal(
            jax.vmap(jax.grad(spike.surrogate_fun))(X), spike.surrogate_grad(X)
        )
    with pytest.raises(NotImplementedError):
        Scaled(GaussianGrad()).surrogate_fun(X)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("surrogate", "residual_dtype"),
    [(LeakyRelu(), None), (LeakyRelu(), "uint8"), (MultiGaussianGrad(), "bfloat16")],
)
def test_infinity_has_no_derivative_where_the_surrogate_has_one(surrogate, residual_dtype):
    spike = Scaled(surrogate, scale=2.0, residual_dtype=residual_dtype)
    x = jnp.array([jnp.nan, jnp.inf, -jnp.inf])
    assert_close(jax.vjp(spike, x)[1](jnp.ones(3))[0], [np.nan, 0.0, 0.0])
    assert_close(jax.vmap(jax.grad(jax.grad(lambda x: spike(x))))(x), [np.nan, 0.0, 0.0])


@pytest.mark.float16
def test_half_precision_does_not_overflow():
    spike = Scaled(Sigmoid(4.0), scale=1e-3)
    assert spike.surrogate_grad(jnp.float16(60_000.0)) == 0
    assert spike.surrogate_grad(jnp.float16(0.0)) == 1000


@pytest.mark.float16
def test_an_array_in_the_surrogate_beside_half_precision_and_strict_dtypes():
    spike = Scaled(Sigmoid(jnp.array([1.0, 2.0, 4.0])), scale=2.0)
    with jax.numpy_dtype_promotion("strict"):
        assert_close(spike.surrogate_grad(jnp.zeros(3, "float16")), [0.125, 0.25, 0.5])


def test_an_array_in_the_surrogate_broadcasts():
    alpha = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    spike = Scaled(Sigmoid(jnp.asarray(alpha)), scale=2.0)
    assert_close(jax.grad(lambda x: spike(x).sum())(jnp.zeros(())), alpha.sum() / 8)
    with pytest.raises(ValueError, match=r"broadcast against x.*'surrogate': \(5,\).*\(4,\)"):
        spike(X[:4])


def test_a_state_in_the_surrogate_is_read_at_each_call():
    class Own(Surrogate):
        def __init__(self, width):
            self.width = width

        def surrogate_grad(self, x):
            return jnp.exp(-jnp.abs(x) / self.width.value)

    width = brainstate.State(jnp.float32(1.0))
    spike = Scaled(Own(width), dampening=2.0)
    compiled = brainstate.transform.jit(jax.grad(spike))
    for value in (1.0, 3.0):
        width.value = jnp.float32(value)
        expected = jnp.float32(2 * np.exp(-0.5 / value))
        assert_close(jax.grad(spike)(0.5), expected)
        assert_close(compiled(0.5), expected)


def test_vmap_over_a_parameter_of_the_surrogate():
    slope = lambda alpha: jax.grad(Scaled(Sigmoid(alpha)))(0.0)
    assert_close(jax.vmap(slope)(jnp.array([2.0, 4.0])), [0.5, 1.0])


def test_specs():
    expected = Scaled(Sigmoid(4.0), dampening=0.25)
    for spec in (
        "Scaled('Sigmoid(alpha=4.0)', dampening=0.25)",
        "scaled(surrogate='sigmoid', dampening=0.25)",
        {"name": "Scaled", "surrogate": {"name": "Sigmoid", "alpha": 4.0}, "dampening": 0.25},
        {"name": "Scaled", "surrogate": "Sigmoid(alpha=4.0)", "dampening": 0.25},
    ):
        assert get_surrogate(spec) == expected
    spec = "Scaled(\"Scaled('QPseudoSpike(alpha=3.0)', scale='2 mV')\", dampening=0.5)"
    expected = Scaled(Scaled(QPseudoSpike(3.0), scale=2 * u.mV), dampening=0.5)
    assert get_surrogate(spec) == expected
    assert surrogate_spec(expected)["surrogate"]["scale"] == "2.0 mV"
    with pytest.raises(TypeError, match="missing .*'surrogate'. Call it as Scaled"):
        get_surrogate("Scaled")


class TestResiduals:
    X = jnp.linspace(-4, 4, 201)

    @pytest.mark.parametrize(
        ("residual_dtype", "rounding"),
        [
            ("bfloat16", 2**-8),
            pytest.param("float16", 2**-11, marks=pytest.mark.float16),
            ("uint8", 2**-5),
        ],
    )
    @pytest.mark.parametrize("surrogate", [Sigmoid(100.0), MultiGaussianGrad()], ids=repr)
    def test_derivatives_above_one_and_below_zero(self, surrogate, residual_dtype, rounding):
        spike = Scaled(surrogate, scale=2.0, residual_dtype=residual_dtype)
        expected = np.asarray(spike.surrogate_grad(self.X))
        actual = np.asarray(jax.jit(jax.grad(lambda x: spike(x).sum()))(self.X))
        peak = np.abs(expected).max()
        assert 0 < np.abs(actual - expected).max() <= rounding * peak
        np.testing.assert_array_equal(actual[expected == 0], 0)

    @pytest.mark.parametrize("residual_dtype", ["bfloat16", "uint8"])
    @pytest.mark.parametrize(
        "alpha", [4.0, jnp.array([1.0, 9.0])], ids=["one for all", "one per neuron"]
    )
    def test_the_derivative_does_not_depend_on_neighbours(self, residual_dtype, alpha):
        spike = Scaled(Sigmoid(alpha), residual_dtype=residual_dtype)
        slopes = jax.jit(jax.grad(lambda x: spike(x).sum()))
        x = jnp.array([[1.3, 0.2], [0.0, 0.0]])
        np.testing.assert_array_equal(slopes(x)[:1], slopes(x[:1]))

    def test_at_its_peak_the_code_is_exact(self):
        spike = Scaled(Sigmoid(jnp.array([1.0, 9.0])), residual_dtype="uint8")
        slopes = jax.jit(jax.grad(lambda x: spike(x).sum()))
        assert_close(slopes(jnp.zeros(2)), np.array([0.25, 2.25]))

    @pytest.mark.parametrize(("height", "kept"), [(1.9, 1.9), (-1.9, -1.9), (5.0, 2.0)])
    def test_a_peak_that_is_missed_has_room_up_to_twice_the_one_found(self, height, kept):
        class Bump(Surrogate):
            def surrogate_grad(self, x):
                return jnp.where(jnp.abs(x - 0.7) < 0.01, height, jnp.exp(-jnp.abs(x)))

        spike = Scaled(Bump(), residual_dtype="uint8")
        assert jax.grad(spike)(0.7) == pytest.approx(kept, rel=2**-5)

    @pytest.mark.parametrize(
        ("gradient", "at", "expected"),
        [
            (lambda x: jnp.where((x > 0.005) & (x < 0.02), 1.0, 0.01), 0.01, 1.0),
            (lambda x: jnp.where(x > 50, 1.0, 0.01), 90.0, 1.0),
            (lambda x: 1 / jnp.abs(x), 0.01, 100.0),
            (lambda x: jnp.zeros_like(x), 1.0, 0.0),
        ],
        ids=["near the threshold", "far from it", "beside a pole", "nowhere"],
    )
    def test_where_a_peak_is_found(self, gradient, at, expected):
        class Own(Surrogate):
            def surrogate_grad(self, x):
                return gradient(x)

        spike = Scaled(Own(), residual_dtype="uint8")
        assert jax.grad(spike)(at) == pytest.approx(expected, rel=2**-5)

    def test_a_traced_parameter(self):
        """Its peak is traced along with it; at second order its derivative is as without codes."""

        def slope(alpha, residual_dtype):
            return jax.grad(Scaled(Sigmoid(alpha), residual_dtype=residual_dtype))(0.1)

        exact, coded = (
            jax.jit(jax.value_and_grad(slope), static_argnums=1)(3.0, dtype)
            for dtype in (None, "uint8")
        )
        np.testing.assert_allclose(coded[0], exact[0], rtol=2**-5)
        np.testing.assert_allclose(coded[1], exact[1], rtol=1e-5)

    def test_memory(self):
        """Only the code of each step is kept."""

        def memory(residual_dtype):
            spike = Scaled(Sigmoid(), residual_dtype=residual_dtype)

            def loss(v, currents):
                step = lambda v, i: (0.9 * v + i, spike(v - 1.0))
                return jax.lax.scan(step, v, currents)[1].sum()

            shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((1000,), (200, 1000))]
            return jax.jit(jax.grad(loss)).lower(*shapes).compile().memory_analysis()

        plain, compact = memory(None), memory("uint8")
        assert compact.temp_size_in_bytes < 0.3 * plain.temp_size_in_bytes
