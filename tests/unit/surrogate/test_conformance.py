"""What every surrogate of this package does, however its parameters are given.

Each has its gradient written by hand, in numpy's float64. First `check_surrogate`, then what it
cannot ask of surrogates of other libraries: NaN, every transform, settings of JAX, parameters.
"""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, LeakyRelu, Sigmoid, SoftSign
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
    "alpha 0.5": (QPseudoSpike(0.5), lambda x: tail(x, 0.5)),
    "alpha inf": (QPseudoSpike(np.inf), lambda x: np.exp(-2 * np.abs(x))),
    "arbitrary": (
        QPseudoSpike(1.7, scale=3.0, dampening=0.5),
        lambda x: tail(x, 1.7, 3.0, 0.5),
    ),
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
    "scaled twice": (
        Scaled(Scaled(SoftSign(2.0), scale=2.0), scale=2.0),  # SoftSign(2) is (1 + 2 |x|) ** -2
        lambda x: (1 + np.abs(x) / 2) ** -2.0 / 4,
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


def tolerance(surrogate, dtype="float32"):
    coarse = {"bfloat16": 2**-6, "float32": 2e-6}[dtype]
    return max(coarse, ROUNDING[surrogate.residual_dtype])


# braintools' Sigmoid takes 1 - s, which has no more digits than that where s is nearly 1.
ATOL = 2e-7


@every_surrogate
def test_the_gradient_is_the_one_by_hand(surrogate, by_hand):
    assert_close(surrogate.surrogate_grad(jnp.float32(X)), by_hand(X), atol=ATOL)


@pytest.mark.parametrize(
    "name", ["arbitrary", "uint8", *map(thorough, ("alpha 2", "alpha inf", "scaled twice"))]
)
def test_it_conforms(name):
    surrogate = SURROGATES[name][0]
    check_surrogate(surrogate, rtol=max(1e-5, ROUNDING[surrogate.residual_dtype]))


@pytest.mark.parametrize("make", [QPseudoSpike, thorough(lambda **kw: Scaled(Sigmoid(), **kw))])
def test_it_conforms_with_units(make):
    check_surrogate(make(scale=15 * u.mV, dampening=0.3), unit=u.mV)


def scanned(f, x):
    return jax.lax.scan(lambda total, x: (total + f(x), None), jnp.zeros(3), x)[0].sum()


FIRST_ORDER = {
    "jit of grad": lambda f, x: jax.jit(jax.grad(lambda x: f(x).sum()))(x),
    "grad of jit": lambda f, x: jax.grad(jax.jit(lambda x: f(x).sum()))(x),
    "linearize": lambda f, x: jax.linearize(f, x)[1](jnp.ones_like(x)),
    "jacfwd": lambda f, x: jax.jacfwd(lambda x: f(x).sum())(x),
    "checkpoint": lambda f, x: jax.grad(jax.checkpoint(lambda x: f(x).sum()))(x),
    "vmap": lambda f, x: jax.vmap(jax.grad(lambda x: f(x).sum()))(x),
    "scan": lambda f, x: jax.grad(lambda x: scanned(f, x))(x),
    "brainunit": lambda f, x: u.autograd.grad(lambda x: f(x).sum())(x),
    "brainstate": lambda f, x: brainstate.transform.grad(lambda x: f(x).sum())(x),
    "brainstate vector_grad": lambda f, x: brainstate.transform.vector_grad(f)(x),
}


@pytest.mark.parametrize("transform", FIRST_ORDER.values(), ids=FIRST_ORDER)
@pytest.mark.parametrize("name", ["per neuron", "uint8", *map(thorough, ("bfloat16", "scaled"))])
def test_every_transform_has_the_derivative(name, transform):
    surrogate, by_hand = SURROGATES[name]
    found = transform(surrogate, jnp.float32(X))
    rough = {"uint8": 2**-4, "bfloat16": 2**-8}.get(name, 2e-6)
    assert_close(found, by_hand(X), rtol=rough, atol=ATOL)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["alpha inf", "arbitrary", "uint8", "scaled", "per neuron"])
def test_second_and_third_order(name):
    """Against differences of the gradient written by hand, away from 0."""
    surrogate, by_hand = SURROGATES[name]
    x = np.array([[-1.5, 0.4, 3.0]])
    h = 1e-4
    second = (by_hand(x + h) - by_hand(x - h)) / (2 * h)
    third = (by_hand(x + h) - 2 * by_hand(x) + by_hand(x - h)) / h**2
    total = lambda x: surrogate(x).sum()
    gradient = jax.grad(total)
    once = lambda x: gradient(x).sum()
    for found in (jax.grad(once)(jnp.float32(x)), jax.jit(jax.jacfwd(once))(jnp.float32(x))):
        assert_close(found, second, rtol=1e-4, atol=1e-6)
    found = jax.jacrev(lambda x: jax.grad(once)(x).sum())(jnp.float32(x))
    assert_close(found, third, rtol=1e-3, atol=1e-4)


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
        return (
            surrogate(x),
            once(x),
            surrogate.surrogate_grad(x),
            second,
            surrogate.surrogate_fun(x),
        )

    spikes, slope, gradient, second, original = results(x)
    for each in (spikes, surrogate(x)):
        assert each.dtype == dtype
        np.testing.assert_array_equal(np.float32(each[:, 0]), [0, 0, 1, 1, 1, 1, 1, 0, np.nan])
    assert slope.dtype == dtype
    for each in (slope, gradient, second):
        np.testing.assert_array_equal(np.float32(each)[6:, 0], [0, 0, np.nan])
    assert np.isnan(np.float32(original)[8, 0])


@pytest.mark.parametrize("x", [3, True, [0, -1], np.arange(3), np.array([True, False])])
def test_integers_and_booleans_become_floats(x):
    for surrogate in (QPseudoSpike(), Scaled(Sigmoid())):
        spikes = surrogate(x)
        assert spikes.dtype == jnp.float32
        np.testing.assert_array_equal(spikes, (np.asarray(x) >= 0).astype(float))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_shape_is_kept(shape):
    x = jnp.zeros(shape)
    for method in (QPseudoSpike(), QPseudoSpike().surrogate_grad, QPseudoSpike().surrogate_fun):
        assert method(x).shape == shape


@pytest.mark.parametrize("x", [1j, np.array([1j])])
def test_a_complex_number_is_refused(x):
    with pytest.raises(TypeError, match=r"x must be real, got dtype complex64.*x\.real"):
        q_pseudo_spike(x)


SETTINGS = {
    "strict dtypes": lambda: jax.numpy_dtype_promotion("strict"),
    "debug NaNs": lambda: jax.debug_nans(True),
    "enable checks": lambda: jax.enable_checks(True),
    "double precision": lambda: jax.enable_x64(True),
}


@pytest.mark.thorough
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["uint8", "per neuron", "scaled arrays"])
def test_every_method_under_every_setting_of_jax(name, setting):
    surrogate, by_hand = SURROGATES[name]
    dtype = "bfloat16" if setting in ("strict dtypes", "double precision") else "float32"
    with SETTINGS[setting]():
        x, rounding = jnp.asarray(X, dtype), tolerance(surrogate, dtype)
        assert_close(surrogate(x), X >= 0)
        assert_close(surrogate.surrogate_grad(x), by_hand(X), rtol=rounding, atol=ATOL)
        assert surrogate.surrogate_fun(x).dtype == dtype
        gradient = jax.jit(jax.grad(lambda x: surrogate(x).sum()))(x)
        assert gradient.dtype == dtype
        assert_close(gradient, by_hand(X), rtol=rounding, atol=ATOL)


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


MAKERS = {
    "QPseudoSpike": (QPseudoSpike, tail),
    "Scaled": (
        lambda alpha, **rest: Scaled(Sigmoid(alpha), **rest),
        lambda x, a, s, d: d / s * logistic_slope(x / s, a),
    ),
}


@pytest.mark.parametrize(
    ("name", "residual_dtype"),
    [
        ("QPseudoSpike", None),
        ("Scaled", "uint8"),
        thorough("QPseudoSpike", "uint8"),
        thorough("Scaled", None),
    ],
)
def test_parameters_have_no_derivative_at_first_order_and_one_at_second(name, residual_dtype):
    """As braintools 0.4 has it, on 0.3 too, which has it the other way round."""
    kind, by_hand = MAKERS[name]
    make = lambda a, s, d: kind(a, scale=s, dampening=d, residual_dtype=residual_dtype)
    at = (2.0, 1.5, 0.5)
    for derivative in (jax.grad, jax.jacfwd):
        first = derivative(lambda *at: make(*at)(jnp.float32(X)).sum(), argnums=(0, 1, 2))
        assert_close(np.array(jax.jit(first)(*at)), [0.0, 0.0, 0.0])
    h = 1e-6
    shifted = lambda i, h: by_hand(0.3, *(a + h * (i == j) for j, a in enumerate(at)))
    expected = [(shifted(i, h) - shifted(i, -h)) / (2 * h) for i in range(3)]
    for outer in (jax.grad, jax.jacfwd):
        second = jax.jit(outer(lambda *at: jax.grad(make(*at))(0.3), argnums=(0, 1, 2)))(*at)
        assert_close(np.array(second), expected, rtol=max(2e-5, ROUNDING[residual_dtype] / 2))


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


@pytest.mark.thorough
def test_nothing_leaks():
    with jax.checking_leaks():
        jax.jit(jax.grad(lambda x: QPseudoSpike(1.7)(x).sum()))(jnp.float32(X))
