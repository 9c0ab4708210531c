"""Scaled: what QPseudoSpike promises, for any surrogate. Expected values by hand algebra."""

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
from helpers import FLOAT16, assert_close

from braintools_qps import QPseudoSpike, Scaled

X = jnp.array([-3.0, -0.5, 0.0, 0.5, 2.0])
SPIKES = [0.0, 0.0, 1.0, 1.0, 1.0]


def sigmoid_slope(x, alpha=4.0):
    """alpha s (1 - s) with s the logistic function of alpha x, in numpy's float64."""
    s = 1 / (1 + np.exp(-alpha * np.asarray(x, np.float64)))
    return alpha * s * (1 - s)


class TestValues:
    @pytest.mark.parametrize("dtype", [FLOAT16, "bfloat16", "float32"])
    def test_spikes_pass_nan_on(self, dtype):
        x = jnp.array([-jnp.inf, -1.0, -0.0, 0.0, 2.0, jnp.inf, jnp.nan], dtype)
        spikes = Scaled(Sigmoid(), scale=3.0)(x)
        assert spikes.dtype == dtype
        np.testing.assert_array_equal(np.asarray(spikes, float), [0, 0, 1, 1, 1, 1, np.nan])

    def test_spikes_of_integers_are_floats(self):
        assert Scaled(Sigmoid(), scale=3.0)(3).dtype == jnp.float32

    def test_derivative_and_original_function(self):
        spike = Scaled(Sigmoid(4.0), scale=2.0, dampening=0.3)
        expected = 0.3 / 2 * sigmoid_slope(np.asarray(X) / 2)
        assert_close(spike.surrogate_grad(X), expected)
        assert_close(jax.grad(lambda x: spike(x).sum())(X), expected)
        assert_close(jax.jvp(spike, (X,), (jnp.ones(5),))[1], expected)
        logistic = 1 / (1 + np.exp(-2 * np.asarray(X, np.float64)))
        assert_close(spike.surrogate_fun(X), 0.5 + 0.3 * (logistic - 0.5))

    def test_at_one_it_is_the_surrogate(self):
        for surrogate in (Sigmoid(), LeakyRelu(), S2NN()):
            np.testing.assert_array_equal(
                Scaled(surrogate).surrogate_fun(X), surrogate.surrogate_fun(X)
            )

    def test_the_original_function_has_the_derivative_at_kinks_too(self):
        for surrogate in (SoftSign(), LeakyRelu(), S2NN()):
            spike = Scaled(surrogate, scale=2.0, dampening=0.3)
            np.testing.assert_array_equal(
                jax.vmap(jax.grad(spike.surrogate_fun))(X), spike.surrogate_grad(X)
            )

    def test_where_the_surrogate_has_no_original_function(self):
        with pytest.raises(NotImplementedError):
            Scaled(GaussianGrad()).surrogate_fun(X)

    @pytest.mark.parametrize("residual_dtype", [None, "bfloat16", "uint8"])
    @pytest.mark.parametrize(
        "surrogate", [Sigmoid(), LeakyRelu(), S2NN(), MultiGaussianGrad(), QPseudoSpike()]
    )
    def test_infinity_has_no_derivative_and_nan_stays(self, surrogate, residual_dtype):
        spike = Scaled(surrogate, scale=2.0, residual_dtype=residual_dtype)
        x = jnp.array([jnp.nan, jnp.inf, -jnp.inf])
        _, pullback = jax.vjp(spike, x)
        assert_close(pullback(jnp.ones(3))[0], [np.nan, 0.0, 0.0])
        second = jax.vmap(jax.grad(jax.grad(lambda x: spike(x))))(x)
        assert_close(second, [np.nan, 0.0, 0.0])

    @pytest.mark.float16
    def test_half_precision_does_not_overflow(self):
        spike = Scaled(Sigmoid(4.0), scale=1e-3)
        assert spike.surrogate_grad(jnp.float16(60_000.0)) == 0
        assert spike.surrogate_grad(jnp.float16(0.0)) == 1000


class TestUnits:
    VOLTS = X * u.mV

    def test_with_a_scale(self):
        spike = Scaled(Sigmoid(4.0), scale=2 * u.mV, dampening=0.5)
        expected = 0.5 / 2 * sigmoid_slope(np.asarray(X) / 2)
        assert_close(spike(self.VOLTS), SPIKES)
        for x in (self.VOLTS, self.VOLTS.in_unit(u.volt)):
            gradient = u.autograd.grad(lambda v: spike(v).sum())(x)
            assert_close(gradient * u.mV, expected)
            assert_close(spike.surrogate_grad(x) * u.mV, expected)
        assert spike.surrogate_fun(self.VOLTS)[2] == 0.5

    def test_without_a_scale(self):
        spike = Scaled(Sigmoid())
        assert_close(spike(self.VOLTS), SPIKES)
        for method in (spike.surrogate_grad, spike.surrogate_fun, jax.grad(spike)):
            with pytest.raises(u.UnitMismatchError, match="x in mV needs a scale.*V_th - V_reset"):
                method(0.0 * u.mV)

    def test_a_zero_tangent_needs_no_scale(self):
        loss = lambda w: w * Scaled(Sigmoid())(self.VOLTS).sum()
        assert jax.grad(loss)(1.0) == 3.0

    def test_of_another_dimension(self):
        for spike, x in (
            (Scaled(Sigmoid(), scale=2 * u.ms), self.VOLTS),
            (Scaled(Sigmoid(), scale=2.0), self.VOLTS),
            (Scaled(Sigmoid(), scale=2 * u.mV), X),
            (Scaled(QPseudoSpike(scale=u.mV), scale=2 * u.mV), self.VOLTS),
        ):
            with pytest.raises(u.UnitMismatchError, match="x and scale must have the same dim"):
                spike.surrogate_grad(x)


class TestParameters:
    """Numbers, arrays, traced values and States, with no derivative at first order."""

    @pytest.mark.parametrize("kind", [jnp.asarray, np.asarray, brainstate.State])
    def test_an_array_per_neuron(self, kind):
        scale = np.array([1.0, 2.0, 4.0, 2.0, 1.0], np.float32)
        spike = Scaled(Sigmoid(4.0), scale=kind(scale), dampening=kind(scale / 4))
        expected = 0.25 * sigmoid_slope(np.asarray(X) / scale)
        # braintools takes 1 - s, which has no more digits than that where s is nearly 1.
        assert_close(spike.surrogate_grad(X), expected, atol=1e-7)
        assert_close(jax.grad(lambda x: spike(x).sum())(X), expected, atol=1e-7)

    def test_an_array_in_the_surrogate(self):
        alpha = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
        spike = Scaled(Sigmoid(jnp.asarray(alpha)), scale=2.0)
        expected = sigmoid_slope(np.asarray(X) / 2, alpha) / 2
        assert_close(spike.surrogate_grad(X), expected)
        assert_close(jax.grad(lambda x: spike(x).sum())(jnp.zeros(())), alpha.sum() / 8)
        with pytest.raises(ValueError, match=r"broadcast against x.*'surrogate': \(5,\).*\(4,\)"):
            spike(X[:4])

    def test_a_state_in_the_surrogate_is_read_at_each_call(self):
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
            expected = 2 * np.exp(-0.5 / value)
            assert_close(jax.grad(spike)(0.5), jnp.float32(expected))
            assert_close(compiled(0.5), jnp.float32(expected))

    def test_a_state_as_dampening_in_a_compiled_loop(self):
        dampening = brainstate.State(jnp.float32(1.0))
        spike = Scaled(Sigmoid(4.0), dampening=dampening)

        def step(_):
            gradient = jax.grad(spike)(0.0)
            dampening.value = dampening.value / 2
            return gradient

        gradients = brainstate.transform.for_loop(step, jnp.arange(3))
        assert_close(gradients, [1.0, 0.5, 0.25])

    def test_no_derivative_at_first_order_and_one_at_second(self):
        """braintools 0.3 has it the other way round."""
        make = lambda alpha, scale, dampening: Scaled(
            Sigmoid(alpha), scale=scale, dampening=dampening
        )
        at = (4.0, 1.5, 0.5)
        first = jax.grad(lambda *at: make(*at)(X).sum(), argnums=(0, 1, 2))(*at)
        assert_close(jnp.array(first), [0.0, 0.0, 0.0])

        formula = lambda a, s, d: d / s * sigmoid_slope(0.3 / s, a)
        h = 1e-6
        shifted = [[a + h * (i == j) for j, a in enumerate(at)] for i in range(3)]
        expected = [(formula(*up) - formula(*at)) / h for up in shifted]
        for outer in (jax.grad, jax.jacfwd, lambda f, argnums: jax.jit(jax.grad(f, argnums))):
            second = outer(lambda *at: jax.grad(make(*at))(0.3), argnums=(0, 1, 2))(*at)
            assert_close(jnp.array(second), expected, rtol=2e-5)

    def test_second_order_with_respect_to_x(self):
        """SoftSign(2) has the gradient (1 + 2|x|)^-2, with scale 2 that is (1 + |x|)^-2 / 2."""
        spike = Scaled(SoftSign(2.0), scale=2.0)
        assert_close(spike.surrogate_grad(0.5), jnp.float32(1.5**-2 / 2))
        assert_close(jax.grad(jax.grad(lambda x: spike(x)))(0.5), jnp.float32(-(1.5**-3)))

    def test_every_transform(self):
        spike = Scaled(Sigmoid(4.0), scale=2.0)
        slope = sigmoid_slope(np.asarray(X) / 2) / 2
        assert_close(jax.jit(jax.vmap(jax.grad(spike)))(X), slope)
        assert_close(jax.vmap(jax.jit(jax.grad(spike)))(X), slope)
        assert_close(jax.grad(jax.checkpoint(lambda x: spike(x).sum()))(X), slope)
        run = lambda x: jax.lax.scan(lambda h, x: (h + spike(x), None), 0.0, x)[0]
        assert_close(jax.jit(jax.grad(run))(X), slope)
        alphas = jnp.array([2.0, 4.0])
        rows = jax.vmap(lambda alpha: jax.grad(Scaled(Sigmoid(alpha)))(0.5))(alphas)
        assert_close(rows, [sigmoid_slope(0.5, 2.0), sigmoid_slope(0.5, 4.0)])


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

    @pytest.mark.parametrize("residual_dtype", ["bfloat16", FLOAT16, "uint8"])
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
