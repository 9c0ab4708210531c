"""Scaled: what QPseudoSpike promises, for any surrogate. Expected values by hand algebra."""

import copy
import dataclasses
import json
import pickle

import brainstate
import braintools
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

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    get_surrogate,
    register_surrogate,
    surrogate_spec,
)
from braintools_qps._registry import resolution
from braintools_qps.testing import check_surrogate

X = jnp.array([-3.0, -0.5, 0.0, 0.5, 2.0])
SPIKES = [0.0, 0.0, 1.0, 1.0, 1.0]
EXAMPLES = [
    Scaled(Sigmoid(4.0)),
    Scaled(Sigmoid(2.0), scale=15 * u.mV, residual_dtype="uint8"),
    Scaled(QPseudoSpike(1.7, scale=2.0), dampening=0.25),
    Scaled(Scaled(S2NN(), scale=3.0), scale=u.mV, dampening=0.5),
]


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(resolution, "_registered", {})
    register_surrogate(Scaled)


def sigmoid_slope(x, alpha=4.0):
    """alpha s (1 - s) with s the logistic function of alpha x, in numpy's float64."""
    s = 1 / (1 + np.exp(-alpha * np.asarray(x, np.float64)))
    return alpha * s * (1 - s)


class TestValues:
    def test_spikes_pass_nan_on(self):
        spike = Scaled(Sigmoid(), scale=3.0)
        x = jnp.array([-jnp.inf, -1.0, -0.0, 0.0, 2.0, jnp.inf, jnp.nan])
        for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
            spikes = spike(x.astype(dtype))
            assert spikes.dtype == dtype
            np.testing.assert_array_equal(np.asarray(spikes, float), [0, 0, 1, 1, 1, 1, np.nan])
        assert spike(3).dtype == jnp.float32

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

    def test_half_precision_does_not_overflow(self):
        spike = Scaled(Sigmoid(4.0), scale=1e-3)
        assert spike.surrogate_grad(jnp.float16(60_000.0)) == 0
        assert spike.surrogate_grad(jnp.float16(0.0)) == 1000


class TestComposition:
    """What is scaled twice has the product of the scales and that of the dampenings."""

    def same(self, spike, other, x=X):
        gradient, expected = spike.surrogate_grad(x), other.surrogate_grad(x)
        assert u.get_unit(gradient) == u.get_unit(expected)
        np.testing.assert_array_equal(u.get_mantissa(gradient), u.get_mantissa(expected))
        np.testing.assert_array_equal(spike.surrogate_fun(x), other.surrogate_fun(x))

    def test_of_ours(self):
        nested = Scaled(QPseudoSpike(1.7, scale=2.0, dampening=0.5), scale=3.0, dampening=0.3)
        self.same(nested, QPseudoSpike(1.7, scale=6.0, dampening=0.15))

    def test_of_another(self):
        nested = Scaled(Scaled(Sigmoid(), scale=2.0, dampening=0.5), scale=3.0)
        self.same(nested, Scaled(Sigmoid(), scale=6.0, dampening=0.5))

    def test_a_unit_of_the_inner_one_stays(self):
        halved = Scaled(QPseudoSpike(scale=10 * u.mV), dampening=0.5)
        self.same(halved, QPseudoSpike(scale=10 * u.mV, dampening=0.5), X * u.mV)
        wider = Scaled(QPseudoSpike(scale=10 * u.mV), scale=2.0)
        self.same(wider, QPseudoSpike(scale=20 * u.mV), X * u.mV)

    def test_arrays_and_states(self):
        state = brainstate.State(jnp.array([2.0] * 5))
        nested = Scaled(QPseudoSpike(3.0, scale=state), scale=jnp.full(5, 3.0))
        self.same(nested, QPseudoSpike(3.0, scale=jnp.full(5, 6.0), dampening=jnp.ones(())))

    def test_the_inner_residuals_are_replaced(self):
        inner = QPseudoSpike(residual_dtype="uint8")
        exact = Scaled(inner, dampening=0.5)
        derivative = jax.vjp(exact, X)[1](jnp.ones(5))[0]
        np.testing.assert_array_equal(derivative, exact.surrogate_grad(X))


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
        ("residual_dtype", "rounding"), [("bfloat16", 2**-8), ("float16", 2**-11), ("uint8", 2**-5)]
    )
    @pytest.mark.parametrize("surrogate", [Sigmoid(100.0), MultiGaussianGrad()], ids=repr)
    def test_derivatives_above_one_and_below_zero(self, surrogate, residual_dtype, rounding):
        spike = Scaled(surrogate, scale=2.0, residual_dtype=residual_dtype)
        expected = np.asarray(spike.surrogate_grad(self.X))
        actual = np.asarray(jax.jit(jax.grad(lambda x: spike(x).sum()))(self.X))
        peak = np.abs(expected).max()
        assert 0 < np.abs(actual - expected).max() <= rounding * peak
        np.testing.assert_array_equal(actual[expected == 0], 0)

    def test_memory(self):
        """Beside the code of each step only its largest element is kept."""

        def memory(residual_dtype):
            spike = Scaled(Sigmoid(), residual_dtype=residual_dtype)

            def loss(v, currents):
                step = lambda v, i: (0.9 * v + i, spike(v - 1.0))
                return jax.lax.scan(step, v, currents)[1].sum()

            shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((1000,), (200, 1000))]
            return jax.jit(jax.grad(loss)).lower(*shapes).compile().memory_analysis()

        plain, compact = memory(None), memory("uint8")
        assert compact.temp_size_in_bytes < 0.3 * plain.temp_size_in_bytes


class TestObject:
    @pytest.mark.parametrize("example", EXAMPLES, ids=repr)
    def test_equal_after_repr_pickle_copy_and_spec(self, example):
        names = vars(braintools.surrogate) | {"QPseudoSpike": QPseudoSpike}
        names |= {"Scaled": Scaled, "Quantity": u.Quantity}
        for twin in (
            eval(repr(example), names),
            pickle.loads(pickle.dumps(example)),
            copy.deepcopy(example),
            example.replace(),
            get_surrogate(json.loads(json.dumps(surrogate_spec(example)))),
        ):
            assert twin == example
            assert hash(twin) == hash(example)

    def test_different_ones_are_not_equal(self):
        assert len({*EXAMPLES, Scaled(Sigmoid(4)), Scaled(Sigmoid(4.5))}) == len(EXAMPLES) + 1
        assert Scaled(QPseudoSpike()) != Scaled(braintools.surrogate.QPseudoSpike(2.0))
        assert Scaled(QPseudoSpike()) != QPseudoSpike()

    def test_repr(self):
        assert repr(Scaled(QPseudoSpike())) == "Scaled(surrogate=QPseudoSpike(alpha=2.0))"
        shown = 'Scaled(surrogate=Sigmoid(alpha=4.0), scale=Quantity(2.0, "mV"), dampening=0.5)'
        assert repr(Scaled(Sigmoid(), scale=2 * u.mV, dampening=0.5)) == shown

    def test_immutable(self):
        inner = Sigmoid(4.0)
        spike = Scaled(inner)
        inner.alpha = 100.0
        assert_close(spike.surrogate_grad(0.0), 1.0)
        with pytest.raises(dataclasses.FrozenInstanceError):
            spike.surrogate = inner
        assert spike.replace(surrogate=Sigmoid(1.0)) == Scaled(Sigmoid(1.0))

    def test_equal_static_arguments_compile_once(self):
        traces = []
        call = jax.jit(lambda spike, x: traces.append(1) or spike(x), static_argnums=0)
        for _ in range(3):
            call(Scaled(Sigmoid(4.0), dampening=0.5), 1.0)
        assert len(traces) == 1

    def test_bad_parameters(self):
        with pytest.raises(TypeError, match="instance of .*Surrogate, got 'Sigmoid'. Build one"):
            Scaled("Sigmoid")
        with pytest.raises(TypeError, match=r"Build one: braintools_qps.get_surrogate\(Sigmoid\)"):
            Scaled(Sigmoid)
        with pytest.raises(ValueError, match="dampening must be greater than 0"):
            Scaled(Sigmoid(), dampening=-1)
        with pytest.raises(TypeError, match="positional"):
            Scaled(Sigmoid(), 2.0)


class TestSpecs:
    EXPECTED = Scaled(Sigmoid(4.0), dampening=0.25)

    def test_as_a_call_string_and_as_a_mapping(self):
        for spec in (
            "Scaled('Sigmoid(alpha=4.0)', dampening=0.25)",
            "scaled(surrogate='sigmoid', dampening=0.25)",
            {"name": "Scaled", "surrogate": {"name": "Sigmoid", "alpha": 4.0}, "dampening": 0.25},
            {"name": "Scaled", "surrogate": "Sigmoid(alpha=4.0)", "dampening": 0.25},
        ):
            assert get_surrogate(spec) == self.EXPECTED
        assert get_surrogate(Scaled, surrogate=Sigmoid(4.0), dampening=0.25) == self.EXPECTED

    def test_nested_twice(self):
        spec = "Scaled(\"Scaled('QPseudoSpike(alpha=3.0)', scale='2 mV')\", dampening=0.5)"
        expected = Scaled(Scaled(QPseudoSpike(3.0), scale=2 * u.mV), dampening=0.5)
        assert get_surrogate(spec) == expected
        assert surrogate_spec(expected)["surrogate"]["scale"] == "2.0 mV"

    def test_without_a_surrogate(self):
        with pytest.raises(TypeError, match="missing .*'surrogate'. The surrogate is Scaled"):
            get_surrogate("Scaled")

    @pytest.mark.parametrize("spec", ["Scaled('Sigmoid')", "Scaled('QPseudoSpike', scale=2.0)"])
    def test_conforms(self, spec):
        check_surrogate(spec)

    def test_conforms_with_units(self):
        check_surrogate("Scaled('Sigmoid', scale='15 mV', dampening=0.3)", unit=u.mV)
