"""Every transform gives what it gives of a smooth function with the same derivative.

That function is written here by hand for alpha = 2: its value is the step, and near any point it
has the derivatives of x / (1 + 2|x|/3), whose derivative is the surrogate's (1 + 2|x|/3) ** -2.
"""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close
from jax import lax

from braintools_qps import QPseudoSpike, q_pseudo_spike

X = jnp.array([-2.0, -0.5, 0.25, 1.0, 4.0])
SURROGATES = {
    "alpha known": QPseudoSpike(2.0),
    "alpha an array": QPseudoSpike(jnp.float32(2.0)),
    "alpha a State": QPseudoSpike(brainstate.State(jnp.float32(2.0))),
    "alpha per neuron": QPseudoSpike(jnp.full(5, 2.0)),
    "bfloat16 residuals": QPseudoSpike(2.0, residual_dtype="bfloat16"),
    "8-bit residuals": QPseudoSpike(2.0, residual_dtype="uint8"),
}
# The default meets every transform always; the others, among the thorough tests.
spiking = pytest.mark.parametrize(
    "spike",
    [
        pytest.param(spike, id=name, marks=[] if name == "alpha known" else pytest.mark.thorough)
        for name, spike in SURROGATES.items()
    ],
)


def smooth(x):
    return x / (1 + 2 * jnp.abs(x) / 3)


def tolerance(spike):
    return {None: 2e-6, "bfloat16": 2**-8, "uint8": 2**-5}[spike.residual_dtype]


def weighted(function):
    """A scalar with a dense Hessian."""
    return lambda x: jnp.sum(function(x) * jnp.arange(1.0, 6.0)) ** 2 / 2 + jnp.sum(function(x))


def linear(function):
    return lambda x: jnp.sum(function(x) * jnp.arange(1.0, 6.0))


FIRST_ORDER = {
    "grad": lambda f: jax.grad(linear(f))(X),
    "value_and_grad": lambda f: jax.value_and_grad(linear(f))(X)[1],
    "jit of grad": lambda f: jax.jit(jax.grad(linear(f)))(X),
    "grad of jit": lambda f: jax.grad(jax.jit(linear(f)))(X),
    "jvp": lambda f: jax.jvp(f, (X,), (jnp.ones(5),))[1],
    "vjp": lambda f: jax.vjp(f, X)[1](jnp.ones(5))[0],
    "linearize": lambda f: jax.linearize(f, X)[1](jnp.ones(5)),
    "jacfwd": lambda f: jax.jacfwd(f)(X),
    "jacrev": lambda f: jax.jacrev(f)(X),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(linear(f)))(X),
    "brainunit.autograd.grad": lambda f: u.autograd.grad(linear(f))(X),
    "brainstate.transform.grad": lambda f: brainstate.transform.grad(linear(f))(X),
    "brainstate.transform.vector_grad": lambda f: brainstate.transform.vector_grad(f)(X),
    "brainstate.transform.jacfwd": lambda f: brainstate.transform.jacfwd(f)(X),
    "brainstate.transform.jacrev": lambda f: brainstate.transform.jacrev(f)(X),
    "brainstate.transform.jit": lambda f: brainstate.transform.jit(jax.grad(linear(f)))(X),
}


@spiking
@pytest.mark.parametrize("transform", FIRST_ORDER.values(), ids=FIRST_ORDER)
def test_first_order(transform, spike):
    assert_close(transform(spike), transform(smooth), rtol=tolerance(spike))


SECOND_ORDER = {
    "forward over reverse": lambda f: jax.jacfwd(jax.grad(linear(f)))(X),
    "reverse over reverse": lambda f: jax.jacrev(jax.grad(linear(f)))(X),
    "reverse over forward": lambda f: jax.jacrev(jax.jacfwd(linear(f)))(X),
    "hessian": lambda f: jax.hessian(linear(f))(X),
    "jit between": lambda f: jax.jacrev(jax.jit(jax.grad(linear(f))))(X),
    "brainstate.transform.hessian": lambda f: brainstate.transform.hessian(linear(f))(X),
    "third order": lambda f: jax.jacfwd(jax.hessian(linear(f)))(X),
}


@spiking
@pytest.mark.parametrize("transform", SECOND_ORDER.values(), ids=SECOND_ORDER)
def test_higher_order(transform, spike):
    actual, expected = transform(spike), transform(smooth)
    assert_close(actual, expected, rtol=max(5e-6, tolerance(spike)), atol=1e-7)


@pytest.mark.parametrize("name", [name for name in SURROGATES if name != "alpha per neuron"])
def test_scan_in_both_modes(name):
    """h <- h / 2 + spike(h - 1), against the same recurrence with hand-placed derivatives."""
    spike = SURROGATES[name]

    def run(h):
        step = lambda h, _: (h / 2 + spike(h - 1), None)
        return lax.scan(step, h, None, length=4)[0]

    h, slope = 3.0, 1.0
    for _ in range(4):
        slope *= 0.5 + (1 + 2 * abs(h - 1) / 3) ** -2
        h = h / 2 + (h >= 1)
    for derivative in (
        jax.grad(run)(3.0),
        jax.jacfwd(run)(3.0),
        jax.grad(jax.checkpoint(run))(3.0),
    ):
        assert_close(derivative, jnp.float32(slope), rtol=10 * tolerance(spike))


def test_while_loop_in_forward_mode():
    def run(h):
        body = lambda carry: (carry[0] + 1, carry[1] / 2 + q_pseudo_spike(carry[1] - 1))
        return lax.while_loop(lambda carry: carry[0] < 4, body, (0, h))[1]

    h, slope = 3.0, 1.0
    for _ in range(4):
        slope *= 0.5 + (1 + 2 * abs(h - 1) / 3) ** -2
        h = h / 2 + (h >= 1)
    value, tangent = jax.jvp(run, (3.0,), (1.0,))
    assert_close(value, jnp.float32(h))
    assert_close(tangent, jnp.float32(slope))


ALPHA = jnp.array([0.5, 1.0, 2.0, 3.0])
# Rows by alpha, columns by x: (1 + 2 |x| / (alpha + 1)) ** -alpha with numpy's own power.
TABLE = np.array([(1 + 2 * np.abs(np.asarray(X)) / (a + 1)) ** -a for a in np.asarray(ALPHA)])


@pytest.mark.parametrize(
    ("in_axes", "arguments", "expected"),
    [
        ((0, None), (X, 2.0), TABLE[2]),
        ((None, 0), (jnp.float32(1.0), ALPHA), TABLE[:, 3]),
        ((0, 0), (X[:4], ALPHA), TABLE[:, :4].diagonal()),
    ],
    ids=["x", "alpha", "both"],
)
def test_vmap(in_axes, arguments, expected):
    gradient = jax.grad(q_pseudo_spike)
    assert_close(jax.vmap(gradient, in_axes)(*arguments), expected)
    assert_close(jax.jit(jax.vmap(gradient, in_axes))(*arguments), expected)
    spikes = jax.vmap(q_pseudo_spike, in_axes)(*arguments)
    assert_close(spikes, np.broadcast_to(np.asarray(arguments[0]) >= 0, spikes.shape))


def test_vmap_over_other_axes():
    x = jnp.stack([X, -X], axis=1)
    gradient = jax.vmap(jax.grad(linear(q_pseudo_spike)), in_axes=1, out_axes=1)(x)
    expected = jax.vmap(jax.grad(linear(smooth)), in_axes=1, out_axes=1)(x)
    assert_close(gradient, expected)
    mapped = brainstate.transform.vmap(jax.grad(q_pseudo_spike))(X)
    assert_close(mapped, jax.vmap(jax.grad(smooth))(X))


class TestHyperparameters:
    """Zero at first order, seen at second order: as braintools 0.4 has it, on 0.3 too."""

    @staticmethod
    def spikes(alpha, scale, dampening):
        return q_pseudo_spike(X, alpha, scale=scale, dampening=dampening).sum()

    @pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd])
    def test_first_order_is_zero(self, derivative):
        slopes = derivative(self.spikes, argnums=(0, 1, 2))(2.0, 1.5, 0.5)
        assert_close(jnp.array(slopes), [0.0, 0.0, 0.0])

    @pytest.mark.parametrize("outer", [jax.grad, jax.jacfwd])
    def test_a_gradient_of_a_gradient_sees_them(self, outer):
        def gradient(alpha, scale, dampening):
            spike = lambda x: q_pseudo_spike(x, alpha, scale=scale, dampening=dampening)
            return jax.grad(spike)(0.3)

        slopes = outer(gradient, argnums=(0, 1, 2))(2.0, 1.5, 0.5)
        formula = lambda a, s, d: d / s * (1 + 2 * (0.3 / s) / (a + 1)) ** -a
        h = 1e-6
        expected = [
            (formula(2 + h, 1.5, 0.5) - formula(2 - h, 1.5, 0.5)) / (2 * h),
            (formula(2, 1.5 + h, 0.5) - formula(2, 1.5 - h, 0.5)) / (2 * h),
            (formula(2, 1.5, 0.5 + h) - formula(2, 1.5, 0.5 - h)) / (2 * h),
        ]
        assert_close(jnp.array(slopes), expected, rtol=2e-5)

    def test_through_an_unrolled_training_step(self):
        """One gradient step on w, then a loss that is smooth in w: d loss / d alpha by hand."""

        def loss_after_a_step(alpha):
            spike = lambda w: q_pseudo_spike(0.5 * w - 0.2, alpha)
            w = 1.0 - 0.1 * jax.grad(spike)(1.0)
            return w**2

        formula = lambda a: (1 - 0.1 * 0.5 * (1 + 2 * 0.3 / (a + 1)) ** -a) ** 2
        expected = (formula(2 + 1e-6) - formula(2 - 1e-6)) / 2e-6
        assert_close(jax.grad(loss_after_a_step)(2.0), jnp.float32(expected), rtol=2e-5)


def test_no_derivative_is_evaluated_in_a_forward_only_call():
    text = str(jax.make_jaxpr(QPseudoSpike(1.7))(X))
    assert "integer_pow" not in text
    assert "bitcast" not in text
    assert "div" not in text


def test_nothing_leaks():
    with jax.checking_leaks():
        jax.jit(jax.grad(linear(QPseudoSpike(1.7))))(X)
