"""What loop_in_parts stores: the states between parts, and the steps of one part."""

import brainstate
import jax.numpy as jnp
import pytest

from braintools_qps import loop_in_parts

N, STEPS = 1000, 400


def stored(loop):
    """Bytes; each step writes a state of N floats and stores another N for the backward pass."""
    weight, V = brainstate.ParamState(jnp.ones(N)), brainstate.HiddenState(jnp.zeros(N))

    def step(x):
        V.value = jnp.sin(weight.value * V.value + x)

    def loss():
        loop(step, jnp.ones(STEPS))
        return V.value.sum()

    program = brainstate.transform.jit(brainstate.transform.grad(loss, weight)).compile()
    return program.memory_analysis().temp_size_in_bytes


@pytest.fixture(scope="module")
def plain():
    return stored(brainstate.transform.for_loop)


@pytest.mark.parametrize("parts", [None, 2])
def test_memory_is_that_of_one_part_and_of_the_states_between(parts, plain):
    split = stored(lambda step, inputs: loop_in_parts(step, inputs, parts))
    count = parts or 20
    states = 4 * N * count
    assert plain > 4 * N * STEPS
    assert split < plain / count + 4 * states
