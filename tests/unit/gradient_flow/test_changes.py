"""Lines on the weights of a network, and which of them are centred."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from flow_networks import Diagonal, Neurons, weights_and_inputs
from helpers import assert_close
from small_stacks import Layer, Stack, inputs

from braintools_qps._gradient_flow.changes import of_one_sign
from braintools_qps._gradient_flow.tracing import trace


@pytest.mark.parametrize("unit", [1.0, u.mV])
@pytest.mark.parametrize("nested", [lambda tree: tree, lambda tree: {"layer": tree}])
def test_a_line_on_weights_that_are_part_of_a_state(unit, nested):
    layer = Diagonal(2.0, bias=0.5, unit=unit)
    tree = layer.weight.value
    layer.weight.value = nested(tree)
    layer.update = lambda x: x @ jax.tree.leaves(layer.weight.value)[1]
    step = trace(brainstate.nn.Sequential(layer, Neurons()), weights_and_inputs()[1])
    (position,) = step.graph.input_weights("layers.1")
    exec(step.code(position, "3.0 * {0}"), {"model": brainstate.nn.Sequential(layer)})
    after, wanted = layer.weight.value, nested(tree | {"w": 3 * tree["w"]})
    assert jax.tree.structure(after) == jax.tree.structure(wanted)
    jax.tree.map(assert_close, *map(jax.tree.leaves, (after, wanted)))


class Dale(Layer):
    """Excitation and inhibition, each by its own positive weights."""

    def __init__(self):
        super().__init__(0.5)
        self.inhibition = brainstate.ParamState(0.2 * jnp.ones((8, 8)))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + x @ self.weights.value - x @ self.inhibition.value
        return self.spk_fun(self.V.value - 1)


def test_weights_under_dales_law_are_never_centred():
    """Their means make one excite and the other inhibit."""
    assert of_one_sign(trace(Stack(Dale()), inputs())) == ()
    assert len(of_one_sign(trace(Stack(Layer(0.5)), inputs()))) == 1
