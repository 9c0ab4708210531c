"""The class: immutable, compared by its parameters, written and read back."""

import copy
import dataclasses
import math
import pickle

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

import braintools_qps as surrogate
from braintools_qps import QPseudoSpike, q_pseudo_spike

EXAMPLES = [
    QPseudoSpike(),
    QPseudoSpike(0.5),
    QPseudoSpike(math.inf, dampening=0.25),
    QPseudoSpike(1.7, scale=15 * u.mV, residual_dtype="uint8"),
    QPseudoSpike(3, scale=0.1 + 0.2, residual_dtype="bfloat16"),
    QPseudoSpike.from_q(2.5, sharpness=3.0, scale=2 * u.mV / u.ms),
]


def test_it_is_a_surrogate():
    assert isinstance(QPseudoSpike(), braintools.surrogate.Surrogate)


def test_repr_shows_what_is_not_the_default():
    assert repr(QPseudoSpike()) == "QPseudoSpike(alpha=2.0)"
    assert repr(QPseudoSpike(2, scale=1, dampening=1)) == "QPseudoSpike(alpha=2.0, scale=1.0)"
    shown = "QPseudoSpike(alpha=2.0, scale=Quantity(15.0, \"mV\"), residual_dtype='uint8')"
    assert repr(QPseudoSpike(scale=15 * u.mV, residual_dtype="uint8")) == shown


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_equal_after_repr_pickle_and_copy(example):
    names = {"QPseudoSpike": QPseudoSpike, "Quantity": u.Quantity}
    for twin in (
        eval(repr(example), names),
        pickle.loads(pickle.dumps(example)),
        copy.deepcopy(example),
        example.replace(),
    ):
        assert twin == example
        assert hash(twin) == hash(example)


def test_different_parameters_are_not_equal():
    assert len(set(EXAMPLES)) == len(EXAMPLES)
    assert QPseudoSpike(scale=1 * u.mV) != QPseudoSpike(scale=1.0)
    assert QPseudoSpike(scale=1 * u.mV) != QPseudoSpike(scale=1 * u.volt)
    assert QPseudoSpike() != braintools.surrogate.QPseudoSpike(2.0)
    assert QPseudoSpike() != "QPseudoSpike(alpha=2.0)"


def test_arrays_compare_by_identity():
    alpha = jnp.array([1.0, 2.0])
    assert QPseudoSpike(alpha) == QPseudoSpike(alpha)
    assert hash(QPseudoSpike(alpha)) == hash(QPseudoSpike(alpha))
    assert QPseudoSpike(alpha) != QPseudoSpike(jnp.array([1.0, 2.0]))
    state = brainstate.State(2.0)
    assert QPseudoSpike(state) == QPseudoSpike(state)


def test_arrays_cannot_be_changed_after_pickle_and_copy():
    example = QPseudoSpike(np.array([1.0, 2.0]), scale=np.array([3.0, 4.0]) * u.mV)
    for twin in (pickle.loads(pickle.dumps(example)), copy.deepcopy(example)):
        assert twin == example
        assert not twin.alpha.flags.writeable
        assert not twin.scale.mantissa.flags.writeable


def test_immutable():
    example = QPseudoSpike()
    for name in ("alpha", "scale", "something_else"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(example, name, 3.0)
    assert example.replace(alpha=3.0) == QPseudoSpike(3.0)
    assert example == QPseudoSpike()
    with pytest.raises(TypeError, match="beta"):
        example.replace(beta=1.0)


def test_all_but_alpha_by_keyword():
    with pytest.raises(TypeError, match="positional"):
        QPseudoSpike(2.0, 1.0)
    with pytest.raises(TypeError, match="positional"):
        q_pseudo_spike(1.0, 2.0, 1.0)


def test_equal_static_arguments_compile_once():
    compilations = []

    def forward(surrogate, x):
        compilations.append(surrogate)
        return surrogate(x)

    compiled = jax.jit(forward, static_argnums=0)
    for alpha in (2, 2.0, np.float32(2)):
        compiled(QPseudoSpike(alpha, scale=15 * u.mV), 3 * u.mV)
    assert len(compilations) == 1
    compiled(QPseudoSpike(2.5, scale=15 * u.mV), 3 * u.mV)
    assert len(compilations) == 2


def test_a_state_is_read_at_each_call():
    alpha = brainstate.State(jnp.float32(1.0))
    example = QPseudoSpike(alpha)
    assert_close(example.surrogate_grad(jnp.float32(1.0)), 1 / 2)
    alpha.value = jnp.float32(3.0)
    assert_close(example.surrogate_grad(jnp.float32(1.0)), 8 / 27)


def test_a_state_in_a_compiled_loop():
    alpha = brainstate.State(jnp.float32(1.0))
    example = QPseudoSpike(alpha)

    def step(_):
        gradient = example.surrogate_grad(jnp.float32(1.0))
        alpha.value = alpha.value + 1
        return gradient

    gradients = brainstate.transform.for_loop(step, jnp.arange(3))
    assert_close(gradients, [1 / 2, 9 / 25, 8 / 27])


@pytest.mark.parametrize("q", [1.5, 2.0, 3.0, 10.0])
def test_from_q_is_the_paper(q):
    """(1 + 2 k |x| / (q - 1)) ** -q, peak d, area d / k."""
    k, d, s = 3.0, 0.5, 2.0
    example = QPseudoSpike.from_q(q, sharpness=k, dampening=d, scale=s)
    x = np.linspace(-4, 4, 41)
    paper = d / s * (1 + 2 * k * np.abs(x / s) / (q - 1)) ** -q
    assert_close(example.surrogate_grad(jnp.float32(x)), paper)


def test_from_q_has_area_one():
    for q in (1.5, 2.0, 8.0, math.inf):
        example = QPseudoSpike.from_q(q)
        assert_close(example.surrogate_grad(jnp.float32(0.0)), 1.0)
        edge = float(example.surrogate_fun(jnp.float32(1e30)))
        assert edge == pytest.approx(1.0, abs=1e-6)


def test_the_other_alpha_leaves_zero_to_one():
    """alpha + 1 in place of q - 1 widens the surrogate: at alpha = 2 its area is 3."""
    edges = QPseudoSpike(2.0).surrogate_fun(jnp.array([-1e30, 1e30]))
    assert_close(edges, [-1.0, 2.0])


class TestExamplesOfBraintools:
    """The two blocks of braintools' documentation of QPseudoSpike, with this package's name."""

    def test_figure(self):
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("agg")
        xs = jnp.linspace(-3, 3, 1000)
        fig, (ax1, ax2) = plt.subplots(1, 2, figsize=(10, 4))

        for alpha in [0.5, 1.0, 2.0, 4.0]:
            qps_fn = surrogate.QPseudoSpike(alpha=alpha)
            grads = jax.vmap(jax.grad(qps_fn))(xs)
            _ = ax1.plot(xs, grads, label=rf"$\alpha={alpha}$")

        for alpha in [1.5, 2.0, 3.0]:
            qps_fn = surrogate.QPseudoSpike(alpha=alpha)
            ys = jax.vmap(qps_fn.surrogate_fun)(xs)
            _ = ax2.plot(xs, ys, label=rf"$\alpha={alpha}$")

        assert [len(axes.lines) for axes in fig.axes] == [4, 3]
        plt.close(fig)

    def test_prints(self, capsys):
        qps_fn = surrogate.QPseudoSpike(alpha=2.0)

        x = jax.numpy.array([-1.0, 0.0, 1.0])
        spikes = qps_fn(x)
        print(spikes)

        for alpha in [0.5, 2.0, 4.0]:
            qps_fn = surrogate.QPseudoSpike(alpha=alpha)
            grad_fn = jax.grad(lambda x: qps_fn(x).sum())  # noqa: B023
            grads = grad_fn(jax.numpy.array([0.5]))
            print(f"alpha={alpha}: gradient={grads[0]:.4f}")

        assert capsys.readouterr().out.splitlines() == [
            "[0. 1. 1.]",
            "alpha=0.5: gradient=0.7746",
            "alpha=2.0: gradient=0.5625",
            "alpha=4.0: gradient=0.4823",
        ]
