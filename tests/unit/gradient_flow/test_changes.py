"""A change is its lines: they run as they are printed, on inputs as the user gave them."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Surrogate
from faulty_layers import Delayed
from flow_networks import Memoryless, only
from lif_networks import BATCH, N, inputs
from small_stacks import Layer, Stack
from small_stacks import inputs as small_inputs

from braintools_qps import gradient_flow, prepare
from braintools_qps._gradient_flow.changes import of_one_sign
from braintools_qps._gradient_flow.tracing import trace

pytestmark = pytest.mark.usefixtures("one_millisecond")


def test_a_change_of_the_inputs_is_written_for_the_order_in_which_they_are_given():
    model = Stack(Layer(1.0), Delayed(12), Layer(1.0))
    scope = {"inputs": jnp.swapaxes(small_inputs(), 0, 1)}
    found = only(gradient_flow(model, scope["inputs"], batch_first=True)).diagnosis
    assert found.code == "import jax; inputs = jax.numpy.concatenate([inputs] * 2, axis=1)"
    exec(found.code, scope)
    longer = only(gradient_flow(model, scope["inputs"], batch_first=True))
    assert longer.diagnosis.cause == "none"


class Exponential(Surrogate):
    """A surrogate of one's own, which no spec names."""

    def surrogate_fun(self, x):
        return jnp.tanh(x)

    def surrogate_grad(self, x):
        return jnp.exp(-jnp.abs(x))


def test_a_surrogate_without_a_spec_has_the_name_that_is_printed():
    make = lambda: Stack(Layer(1.4, Flat()))
    own, model, twin = Exponential(), make(), make()
    done = prepare(model, small_inputs(), surrogate=own)
    assert any("surrogate=surrogate" in line for line in done.lines)
    exec("\n".join(done.lines), {"model": twin, "inputs": small_inputs(), "surrogate": own})
    assert twin.layers[0].spk_fun == model.layers[0].spk_fun


class Flat(Exponential):
    def surrogate_grad(self, x):
        return 0.0 * x


class Kept(brainstate.nn.Module):
    """Weights and a bias, in any tree."""

    def __init__(self, tree):
        super().__init__()
        self.weights, self.layer = brainstate.ParamState(tree), Memoryless((BATCH, N))

    def update(self, x):
        bias, weights = jax.tree.leaves(self.weights.value)
        return self.layer(u.get_mantissa(x @ weights + bias))


@pytest.mark.parametrize(
    "tree",
    [
        lambda b, w: {"b": b, "w": w},
        lambda b, w: {"b": b * u.mA, "w": w * u.mA},
        lambda b, w: {"layer": {"b": b, "w": w}},
    ],
    ids=["a dictionary", "Quantities", "nested"],
)
def test_a_line_on_weights_that_are_part_of_a_state(tree):
    bias, weights = jnp.zeros(N), jnp.eye(N)
    model = Kept(tree(bias, weights))
    step = trace(model, inputs())
    (position,) = step.graph.input_weights(step.populations[0].name)
    exec(step.code(position, "3.0 * {0}"), {"model": model})
    expected = tree(bias, 3 * weights)
    assert jax.tree.structure(model.weights.value) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_allclose, *map(jax.tree.leaves, (model.weights.value, expected)))


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
    assert of_one_sign(trace(Stack(Dale()), small_inputs())) == ()
    assert len(of_one_sign(trace(Stack(Layer(0.5)), small_inputs()))) == 1
