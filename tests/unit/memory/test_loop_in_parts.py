"""loop_in_parts is brainstate's for_loop in everything but memory."""

import re

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import thorough

from braintools_qps import loop_in_parts

STEPS = 23
INPUTS = {"x": jax.random.normal(jax.random.key(0), (STEPS, 4)) * u.mV, "i": jnp.arange(STEPS)}


class Leaky(brainstate.nn.Module):
    """A state with a unit, weights, noise, and an output of several parts."""

    def __init__(self):
        super().__init__()
        self.weights = brainstate.ParamState(jnp.linspace(0.5, 1.5, 4))
        self.V = brainstate.HiddenState(jnp.zeros(4) * u.mV)

    def update(self, inputs):
        noise = brainstate.random.normal(size=4) * u.mV
        self.V.value = 0.8 * self.V.value + self.weights.value * inputs["x"] + 0.1 * noise
        return {"V": self.V.value, "late": jnp.sin(self.V.value / u.mV) * inputs["i"]}


def run(loop):
    model = Leaky()
    brainstate.random.seed(0)

    def loss():
        outputs = loop(model, INPUTS)
        return jnp.sum(outputs["late"] ** 2) + jnp.sum(jnp.cos(model.V.value / u.mV)), outputs

    gradient = brainstate.transform.grad(loss, model.weights, has_aux=True)
    slopes, outputs = brainstate.transform.jit(gradient)()
    return slopes, outputs, model.V.value, brainstate.random.normal(size=3)


@pytest.fixture(scope="module")
def plain():
    return run(brainstate.transform.for_loop)


@pytest.mark.parametrize("parts", [None, thorough(1), 3 * STEPS])
def test_gradients_outputs_and_states_are_those_of_the_plain_loop(parts, plain):
    ours = run(lambda step, inputs: loop_in_parts(step, inputs, parts))
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(ours), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
    assert jax.tree.structure(plain) == jax.tree.structure(ours)


def test_a_step_may_return_nothing():
    total = brainstate.HiddenState(jnp.zeros(()))

    def step(x):
        total.value += x

    assert loop_in_parts(step, jnp.arange(5.0), 2) is None
    assert total.value == 10


@pytest.mark.parametrize(("steps", "lengths"), [(36, [6, 6]), (35, [5, 7]), (39, [5, 7, 4])])
def test_parts_divide_the_steps_if_a_number_near_the_root_does(steps, lengths):
    """39 = 3 * 13, neither of which is near 6: six parts, of which the last is shorter."""
    program = str(jax.make_jaxpr(lambda xs: loop_in_parts(lambda x: 2 * x, xs))(jnp.ones(steps)))
    assert sorted(map(int, re.findall(r"length=(\d+)", program))) == sorted(lengths)


def test_without_jit_the_error_names_the_switch():
    with jax.disable_jit(), pytest.raises(RuntimeError, match="JAX_DISABLE_JIT.*for_loop"):
        loop_in_parts(lambda x: x, jnp.arange(5.0))
