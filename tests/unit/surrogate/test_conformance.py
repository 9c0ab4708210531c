"""What every surrogate does, ours, `Scaled` and those of others, however parameters are given.

Each has its gradient written by hand, in numpy's float64. First `check_surrogate`, then what it
cannot ask of surrogates of other libraries: NaN, every transform, settings of JAX, parameters.
"""

from itertools import product

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, GaussianGrad, LeakyRelu, Sigmoid
from helpers import FLOAT16, assert_close, thorough, thorough_but
from jax.experimental import checkify

from braintools_qps import QPseudoSpike, Scaled, q_pseudo_spike
from braintools_qps.testing import check_surrogate

X = np.array([[-1.5, 0.0, 3.0], [0.75, -3.0, 1.5]])


def tail(x, alpha=2.0, scale=1.0, dampening=1.0):
    return dampening / scale * (1 + 2 * np.abs(x / scale) / (alpha + 1)) ** -alpha


def logistic_slope(x, alpha=4.0):
    s = 1 / (1 + np.exp(-alpha * x))
    return alpha * s * (1 - s)


PER_NEURON = np.array([1.0, 2.0, 3.0])
ROUNDING = {None: 2e-6, "bfloat16": 2**-8, "uint8": 2**-5}
SURROGATES = {
    "alpha 2": (QPseudoSpike(2.0), tail),
    "alpha inf": (QPseudoSpike(np.inf), lambda x: np.exp(-2 * np.abs(x))),
    "arbitrary": (QPseudoSpike(1.7, scale=3.0, dampening=0.5), lambda x: tail(x, 1.7, 3.0, 0.5)),
    "bfloat16": (QPseudoSpike(2.0, residual_dtype="bfloat16"), tail),
    "uint8": (QPseudoSpike(2.0, residual_dtype="uint8"), tail),
    "the paper's": (  # d / s * (1 + 2 k |x / s| / (q - 1)) ** -q
        QPseudoSpike.from_q(3.0, sharpness=0.5, dampening=0.25, scale=2.0),
        lambda x: 0.25 / 2 * (1 + 0.5 * np.abs(x / 2)) ** -3.0,
    ),
    "scaled": (
        Scaled(Sigmoid(2.0), scale=2.0, dampening=0.5),
        lambda x: logistic_slope(x / 2, 2.0) / 4,
    ),
    "asymmetric": (  # S2NN: a sigmoid's slope below the threshold, 1 / (1 + x) above it
        Scaled(S2NN(alpha=4.0, beta=1.0)),
        lambda x: np.where(x < 0, logistic_slope(np.minimum(x, 0)), 1 / (1 + np.abs(x))),
    ),
    "not 0 at infinity": (
        Scaled(LeakyRelu(alpha=0.25, beta=1.0), scale=2.0, residual_dtype="uint8"),
        lambda x: np.where(x < 0, 0.125, 0.5),
    ),
    "alpha an array": (QPseudoSpike(jnp.float32(2.0)), tail),
    "alpha a State": (QPseudoSpike(brainstate.State(jnp.float32(2.0))), tail),
    "per neuron": (
        QPseudoSpike(PER_NEURON, scale=jnp.asarray(PER_NEURON), dampening=PER_NEURON / 2),
        lambda x: tail(x, PER_NEURON, PER_NEURON, PER_NEURON / 2),
    ),
    "scaled arrays": (
        Scaled(Sigmoid(jnp.asarray(PER_NEURON)), scale=PER_NEURON, dampening=jnp.full(3, 0.5)),
        lambda x: logistic_slope(x / PER_NEURON, PER_NEURON) / PER_NEURON / 2,
    ),
}
every_surrogate = pytest.mark.parametrize(
    ("surrogate", "by_hand"), SURROGATES.values(), ids=SURROGATES
)


# braintools' Sigmoid takes 1 - s, which has no more digits than that where s is nearly 1.
ATOL = 2e-7


@every_surrogate
def test_the_gradient_is_the_one_by_hand_and_the_slope_of_the_original_function(surrogate, by_hand):
    x = jnp.float32(X)
    assert_close(surrogate.surrogate_grad(x), by_hand(X), atol=ATOL)
    # Also at a kink, where jnp.where picks either side
    slope = jax.grad(lambda x: surrogate.surrogate_fun(x).sum())(x)
    assert_close(slope, surrogate.surrogate_grad(x), rtol=3e-7)


@pytest.mark.parametrize(
    ("name", "rtol"), [("uint8", ROUNDING["uint8"]), thorough("arbitrary", 1e-5)]
)
def test_it_conforms(name, rtol):
    """The examples of `check_surrogate` are others, one with a unit."""
    check_surrogate(SURROGATES[name][0], rtol=rtol)


# Beside those that `check_surrogate` asks for
FIRST_ORDER = {
    "linearize": lambda f, x: jax.linearize(f, x)[1](jnp.ones_like(x)),
    "jacfwd": lambda f, x: jax.jacfwd(lambda x: f(x).sum())(x),
    "checkpoint": lambda f, x: jax.grad(jax.checkpoint(lambda x: f(x).sum()))(x),
    "brainunit": lambda f, x: u.autograd.grad(lambda x: f(x).sum())(x),
    "brainstate vector_grad": lambda f, x: brainstate.transform.vector_grad(f)(x),
}


@pytest.mark.parametrize("transform", FIRST_ORDER.values(), ids=FIRST_ORDER)
@pytest.mark.parametrize(("name", "rtol"), [("per neuron", 2e-6), thorough("uint8", 2**-4)])
def test_every_transform_has_the_derivative(name, rtol, transform):
    surrogate, by_hand = SURROGATES[name]
    assert_close(transform(surrogate, jnp.float32(X)), by_hand(X), rtol=rtol, atol=ATOL)


# One of each formula, stored in full and in few bits, and of each kind of parameter.
OFTEN = {"alpha inf", "arbitrary", "uint8", "asymmetric", "not 0 at infinity", "per neuron"}


@pytest.mark.parametrize("name", thorough_but(OFTEN, SURROGATES))
@pytest.mark.parametrize(
    "dtype", [pytest.param("float16", marks=[*FLOAT16.marks, pytest.mark.thorough]), "float32"]
)
def test_spikes_nan_and_infinity(name, dtype):
    surrogate, _ = SURROGATES[name]
    tiny = float(jnp.finfo(dtype).tiny)
    rows = [-1.0, -tiny, -0.0, 0.0, tiny, 1.0, np.inf, -np.inf, np.nan]
    x = jnp.broadcast_to(jnp.asarray(rows, dtype)[:, None], (9, 3))
    once = lambda x: jax.grad(lambda x: surrogate(x).sum())(x)

    @jax.jit
    def results(x):
        second = jax.grad(lambda x: once(x).sum())(x)
        gradient, original = surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)
        return surrogate(x), original, once(x), gradient, second

    spikes, original, *slopes = results(x)
    assert spikes.dtype == slopes[0].dtype == dtype
    np.testing.assert_array_equal(np.float32(spikes[:, 0]), [0, 0, 1, 1, 1, 1, 1, 0, np.nan])
    for slope in slopes:
        np.testing.assert_array_equal(np.float32(slope)[6:, 0], [0, 0, np.nan])
    assert np.isnan(np.float32(original)[8, 0])


@pytest.mark.parametrize("x", [3, [True, False], jnp.zeros(()), jnp.zeros((2, 0, 4))])
def test_integers_booleans_and_arrays_of_any_shape_are_taken(x):
    for surrogate in (QPseudoSpike(), Scaled(Sigmoid())):
        np.testing.assert_array_equal(surrogate(x), (np.asarray(x) >= 0).astype(float))
        for method in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
            assert (method(x).dtype, method(x).shape) == (jnp.float32, np.shape(x))


@pytest.mark.parametrize("x", [1j, np.array([1j])])
def test_a_complex_number_is_refused(x):
    with pytest.raises(TypeError, match=r"x must be real, got dtype complex64.*x\.real"):
        q_pseudo_spike(x)


SETTINGS = {
    "strict dtypes": lambda: jax.numpy_dtype_promotion("strict"),
    "debug NaNs": lambda: jax.debug_nans(True),
    "enable checks": lambda: jax.enable_checks(True),
    "double precision": lambda: jax.enable_x64(True),
    "checking leaks": jax.checking_leaks,
}


@pytest.mark.thorough
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["uint8", "per neuron", "scaled arrays"])
def test_every_method_under_every_setting_of_jax(name, setting):
    surrogate, by_hand = SURROGATES[name]
    dtype = "bfloat16" if setting in ("strict dtypes", "double precision") else "float32"
    rtol = max(2**-6 if dtype == "bfloat16" else 2e-6, ROUNDING[surrogate.residual_dtype])
    with SETTINGS[setting]():
        x = jnp.asarray(X, dtype)
        assert_close(surrogate(x), X >= 0)
        assert surrogate.surrogate_fun(x).dtype == dtype
        for gradient in (surrogate.surrogate_grad, jax.jit(jax.grad(lambda x: surrogate(x).sum()))):
            assert gradient(x).dtype == dtype
            assert_close(gradient(x), by_hand(X), rtol=rtol, atol=ATOL)


@pytest.mark.parametrize("alpha", [1.0, thorough(1.7), float("inf")])
def test_checkify_finds_no_nan_in_a_branch_that_is_not_taken(alpha):
    x = jnp.array([-1.0, 0.0, 0.5])
    surrogate = QPseudoSpike(alpha)
    for function in (
        surrogate,
        surrogate.surrogate_grad,
        surrogate.surrogate_fun,
        jax.grad(lambda x: surrogate(x).sum()),
        lambda x: jax.jvp(lambda a: QPseudoSpike(a).surrogate_fun(x), (1.0,), (1.0,))[1],
    ):
        jax.jit(checkify.checkify(function, errors=checkify.float_checks))(x)[0].throw()


def test_parameters_have_no_derivative_at_first_order_and_one_at_second():
    """As braintools 0.4 has it, on 0.3 too, which has it the other way round.

    The second derivatives of ours are in test_values.py.
    """
    ours = lambda a, s, d: QPseudoSpike(a, scale=s, dampening=d)
    scaled = lambda a, s, d: Scaled(Sigmoid(a), scale=s, dampening=d, residual_dtype="uint8")
    spikes = lambda make: lambda *at: make(*at)(jnp.float32(X)).sum()
    for make, derivative in product((ours, scaled), (jax.grad, jax.jacfwd)):
        first = jax.jit(derivative(spikes(make), argnums=(0, 1, 2)))
        assert_close(np.array(first(2.0, 1.5, 0.5)), [0.0, 0.0, 0.0])
    at, h = (0.3, 2.0, 1.5, 0.5), 1e-6  # x, too
    by_hand = lambda x, a, s, d: d / s * logistic_slope(x / s, a)
    shifted = lambda i, h: by_hand(*(a + h * (i == j) for j, a in enumerate(at)))
    expected = [(shifted(i, h) - shifted(i, -h)) / (2 * h) for i in range(4)]
    for outer in (jax.grad, jax.jacfwd):
        slope = lambda x, *rest: jax.grad(scaled(*rest))(x)
        second = jax.jit(outer(slope, argnums=(0, 1, 2, 3)))(*at)
        assert_close(np.array(second), expected, rtol=ROUNDING["uint8"] / 2)


@pytest.mark.parametrize("make", [lambda a: QPseudoSpike(a), lambda a: Scaled(QPseudoSpike(a))])
def test_a_state_is_read_at_each_call_and_in_a_compiled_loop(make):
    alpha = brainstate.State(jnp.float32(1.0))
    example = make(alpha)

    def step(_):
        gradient = example.surrogate_grad(jnp.float32(1.0))
        alpha.value = alpha.value + 1
        return gradient

    assert_close(brainstate.transform.for_loop(step, jnp.arange(3)), [1 / 2, 9 / 25, 8 / 27])
    assert_close(example.surrogate_grad(jnp.float32(1.0)), tail(1.0, 4.0))


def test_no_derivative_is_evaluated_in_a_forward_only_call():
    for surrogate in (QPseudoSpike(1.7), QPseudoSpike(jnp.float32(1.7), scale=jnp.float32(2.0))):
        text = str(jax.make_jaxpr(surrogate)(jnp.float32(X)))
        assert not any(operation in text for operation in ("integer_pow", "bitcast", "div", "mul"))


# The ranges of docs/sharp_bits.md: an error or NaN outside of them


@pytest.mark.parametrize("alpha", [1e-3, 0.5, 1.7, 2.0, 1e6, np.inf])
def test_beyond_the_farthest_the_gradient_stays_within_0_and_1(alpha):
    x = jnp.asarray([1e16, 1e30, 3e38, -3e38])
    for surrogate in (QPseudoSpike(alpha), QPseudoSpike(jnp.float32(alpha), scale=jnp.ones(()))):
        gradient = np.asarray(surrogate.surrogate_grad(x))
        assert np.all((gradient >= 0) & (gradient <= 1))
        assert np.isfinite(surrogate.surrogate_fun(x)).all()


@pytest.mark.parametrize(
    ("surrogate", "x"),
    [
        (QPseudoSpike(scale=1e-3 * u.uvolt), 1.0 * u.kvolt),
        (QPseudoSpike(scale=1e3 * u.kvolt), 1.0 * u.uvolt),
        (Scaled(QPseudoSpike(scale=1e5), scale=1e5), 1.0),
        (Scaled(Sigmoid(), scale=1e-3 * u.uvolt), 1.0 * u.kvolt),
    ],
)
def test_the_scale_is_checked_in_the_unit_of_x_and_as_a_product(surrogate, x):
    with pytest.raises(ValueError, match=r"scale must be between 1e-7 and 1e7.*another unit"):
        surrogate.surrogate_grad(x)


scaled_sigmoid = lambda **parameters: Scaled(Sigmoid(), **parameters)


@pytest.mark.parametrize(
    ("make", "name", "residual_dtype"),
    [
        (QPseudoSpike, "alpha", None), (QPseudoSpike, "dampening", "uint8"),
        (scaled_sigmoid, "scale", None),
    ],
)  # fmt: skip
def test_a_traced_parameter_that_is_not_above_zero_gives_nan(make, name, residual_dtype):
    x = jnp.array([-0.3, 0.0, 0.3, 100.0])
    build = lambda value: make(**{name: value}, residual_dtype=residual_dtype)

    @jax.jit
    def results(value):
        surrogate = build(value)
        curves = lambda value: [build(value).surrogate_grad(x), build(value).surrogate_fun(x)]
        first = jax.vjp(surrogate, x)[1](jnp.ones(4))[0]
        second = jax.vmap(jax.grad(jax.grad(surrogate)))(x)
        # A derivative of 0 would let whoever tunes it go on from a value that is NaN.
        by_parameter = jax.jacfwd(curves)(value)
        return surrogate(x), [*curves(value), first, second, *by_parameter]

    for wrong in (0.0, -0.5, -1.0, -3.0, np.nan):
        spikes, others = results(wrong)
        np.testing.assert_array_equal(spikes, [0, 1, 1, 1])
        assert all(np.isnan(other).all() for other in others)


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_a_wrong_parameter_of_one_neuron_spoils_no_other(name):
    surrogate = lambda value: QPseudoSpike(**{name: value})
    slopes = jax.jit(lambda value: jax.grad(lambda x: surrogate(value)(x).sum())(jnp.ones(3)))
    found = slopes(jnp.array([2.0, -0.5, 2.0]))
    np.testing.assert_array_equal(np.isnan(found), [False, True, False])
    assert_close(found[0], surrogate(2.0).surrogate_grad(1.0))


# Scaled alone


def same(spike, other, x=X):
    assert_close(spike.surrogate_grad(x), other.surrogate_grad(x), rtol=3e-7)
    assert_close(spike.surrogate_fun(x), other.surrogate_fun(x), rtol=1e-6)


def test_what_is_scaled_twice_has_the_product_of_scales_and_dampenings():
    nested = Scaled(QPseudoSpike(1.7, scale=2.0, dampening=0.5), scale=3.0, dampening=0.3)
    same(nested, QPseudoSpike(1.7, scale=6.0, dampening=0.15))
    nested = Scaled(Scaled(Sigmoid(), scale=2.0, dampening=0.5), scale=3.0)
    same(nested, Scaled(Sigmoid(), scale=6.0, dampening=0.5))
    state = brainstate.State(jnp.array([2.0] * 3))
    nested = Scaled(QPseudoSpike(3.0, scale=state), scale=jnp.full(3, 3.0))
    same(nested, QPseudoSpike(3.0, scale=jnp.full(3, 6.0)))
    wider = Scaled(QPseudoSpike(scale=10 * u.mV), scale=2.0)
    same(wider, QPseudoSpike(scale=20 * u.mV), X * u.mV)
    with pytest.raises(u.UnitMismatchError, match="x and scale must have the same dim"):
        Scaled(QPseudoSpike(scale=u.mV), scale=2 * u.mV).surrogate_grad(X * u.mV)


def test_the_inner_residuals_are_replaced():
    exact = Scaled(QPseudoSpike(residual_dtype="uint8"), dampening=0.5)
    derivative = jax.vjp(exact, X)[1](jnp.ones(X.shape))[0]
    np.testing.assert_array_equal(derivative, exact.surrogate_grad(X))


def test_the_original_function_at_a_dampening_of_1_is_the_surrogates():
    x = jnp.float32(X)
    for surrogate in (LeakyRelu(), S2NN()):
        assert jnp.array_equal(Scaled(surrogate).surrogate_fun(x), surrogate.surrogate_fun(x))
    lower = Scaled(Sigmoid(4.0), scale=2.0, dampening=0.3)
    assert_close(lower.surrogate_fun(x), 0.5 + 0.3 * (1 / (1 + np.exp(-2 * X)) - 0.5), rtol=1e-6)
    with pytest.raises(NotImplementedError):
        Scaled(GaussianGrad()).surrogate_fun(x)


@pytest.mark.float16
def test_half_precision_does_not_overflow():
    spike = Scaled(Sigmoid(4.0), scale=1e-3)
    assert spike.surrogate_grad(jnp.float16(60_000.0)) == 0
    assert spike.surrogate_grad(jnp.float16(0.0)) == 1000


# Units: the table of the design

CLASSES = [QPseudoSpike, lambda **kw: Scaled(QPseudoSpike(), **kw)]
either = pytest.mark.parametrize("make", CLASSES, ids=["QPseudoSpike", "Scaled"])
V = jnp.array([-15.0, -1.5, 0.0, 3.0]) * u.mV
SPIKES = [0.0, 0.0, 1.0, 1.0]
# alpha = 2 and scale = 15 mV, by hand: (1 + 2 |V| / 45 mV) ** -2 / 15 mV
GRADIENT = np.array([9 / 25, 225 / 256, 1.0, 225 / 289]) / 15


def all_methods(surrogate, x):
    return [
        lambda: surrogate(x),
        lambda: surrogate.surrogate_grad(x),
        lambda: surrogate.surrogate_fun(x),
        lambda: jax.vjp(surrogate, x)[1](jnp.ones(x.shape)),
        lambda: u.autograd.grad(lambda v: surrogate(v).sum())(x),
    ]


@either
@pytest.mark.parametrize("unit", [u.mV, u.volt])
@pytest.mark.parametrize("scale", [15 * u.mV, 15_000 * u.uvolt, jnp.full(4, 15.0) * u.mV])
def test_units_of_x_and_scale_do_not_change_the_physics(make, scale, unit):
    x = V.in_unit(unit)
    spikes, gradient, original, cotangent, slope = (m() for m in all_methods(make(scale=scale), x))
    assert_close(spikes, SPIKES)
    assert_close(gradient * u.mV, GRADIENT)
    assert_close(slope * u.mV, GRADIENT)
    assert slope.unit.has_same_dim(unit.reverse())
    # JAX knows no units: its cotangent has the structure of x, with per-unit numbers inside
    assert_close(u.Quantity(cotangent[0].mantissa, unit=unit.reverse()) * u.mV, GRADIENT)
    assert_close(original, make(scale=15.0).surrogate_fun(V.mantissa))
    compact = u.autograd.grad(make(scale=15 * u.mV, residual_dtype="uint8"))(0.0 * unit)
    assert_close(compact * u.mV, jnp.float32(1 / 15))


def test_units_of_a_second_derivative():
    surrogate = QPseudoSpike(scale=15 * u.mV)
    curvature = u.autograd.grad(lambda v: surrogate.surrogate_grad(v))(3.0 * u.mV)
    # d/dV of (1 + 2 V / 45 mV) ** -2 / 15 mV
    assert_close(curvature * u.mV * u.mV, jnp.float32(-4 / 45 * (51 / 45) ** -3 / 15))


def test_a_quantity_without_dimension_is_converted():
    x = u.Quantity(jnp.array([-1000.0, 0.0, 500.0]), unit=u.mV / u.volt)
    surrogate = QPseudoSpike()
    assert_close(surrogate(x), [0.0, 1.0, 1.0])
    assert_close(surrogate.surrogate_grad(x), [9 / 25, 1.0, 9 / 16])
    assert_close(surrogate.surrogate_fun(x)[1], 0.5)


@either
def test_a_voltage_without_scale_spikes_but_has_no_derivative(make):
    spikes, *derivatives = all_methods(make(), V)
    assert_close(spikes(), SPIKES)
    for derivative in derivatives:
        with pytest.raises(
            u.UnitMismatchError,
            match=r"with respect to x in mV needs a scale.*for example scale=V_th - V_reset",
        ):
            derivative()


def test_a_zero_tangent_needs_no_scale():
    """Differentiating by something else, through jit and scan too, or by parameters."""

    def loss(w, v):
        step = lambda carry, _: (carry + w * q_pseudo_spike(v).sum(), None)
        return jax.lax.scan(step, 0.0, None, length=3)[0]

    assert jax.jit(jax.grad(loss))(1.0, V) == 6.0
    assert jax.grad(lambda w: w * q_pseudo_spike(jax.lax.stop_gradient(V)).sum())(1.0) == 2.0
    for derivative in (jax.grad, jax.jacfwd):
        assert derivative(lambda alpha: q_pseudo_spike(V, alpha).sum())(2.0) == 0


@either
@pytest.mark.parametrize(
    ("x", "scale", "message"),
    [
        (V, 2.0, r"got x in mV and a scale without unit\. Pass scale=1\.0 \* u\.mV"),
        (V, jnp.ones(4), "got x in mV and a scale without unit"),
        (V, u.ms, "got x in mV and a scale in ms"),
        (jnp.ones(2), 2 * u.mV, r"got x without unit and a scale in mV\..*reset"),
    ],
)
def test_a_scale_of_another_dimension(make, x, scale, message):
    for method in all_methods(make(scale=scale), x):
        with pytest.raises(u.UnitMismatchError, match="must have the same dimension, " + message):
            method()


@pytest.mark.float16
def test_units_far_apart_in_half_precision():
    """The scale in the unit of x is 1e-6 kV, which float16 has not."""
    scale = jnp.array([1e3, 2e3], jnp.float16) * u.uvolt
    gradient = QPseudoSpike(2.0, scale=scale).surrogate_grad(jnp.zeros(2) * u.kvolt)
    assert_close(gradient * u.kvolt, jnp.array([1e6, 5e5]))
