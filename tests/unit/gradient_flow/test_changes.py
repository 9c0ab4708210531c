"""Every kind of change: its code, run as printed, does what it does itself, bit for bit."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Memoryless
from helpers import thorough, values_of
from lif_networks import BATCH, N, Network, inputs
from small_stacks import Layer, Stack
from small_stacks import inputs as small_inputs

from braintools_qps import QPseudoSpike, normalize_rates
from braintools_qps._gradient_flow import changes, ways
from braintools_qps._gradient_flow.changes import Change, Given
from braintools_qps._gradient_flow.tracing import trace
from braintools_qps._models import find_nodes, is_dropout

pytestmark = pytest.mark.usefixtures("one_millisecond")
LOW = QPseudoSpike(8.0, dampening=0.5)
CENTRED = (lambda w: w - w.mean(), "{0} - {0}.mean()", "centred weights")
ARGUMENTS = {
    "Both": lambda step: (
        changes.ChangeWeights(step, step.parameters[1:2], *CENTRED),
        changes.ChangeRates(normalize_rates, None, "rates"),
    ),
    "ChangeRates": lambda step: (normalize_rates, 0.2, "rates"),
    "ChangeWeights": lambda step: (step, step.parameters, *CENTRED),
    "LowerSurrogates": lambda step: (0.05, {"lif.1": LOW}, "{'lif.1': low}"),
    "SetDropout": lambda step: ("between", "model.between", 0.9),
    "ChangeInputs": lambda step: (
        lambda x: jnp.concatenate([x] * 2),
        "jax.numpy.concatenate([{x}] * 2, axis={time})",
    ),
}
FOR_THE_USER = {changes.WhatIf("Where it passes", "what", through_stops=True): "Where it passes"}


def made(kind):
    between = brainstate.nn.Dropout(0.5) if kind == "SetDropout" else None
    return Network(gain=20.0, between=between, spk_fun=QPseudoSpike(dampening=0.7))


def held(model):
    """All that a change may change, as plain values."""
    values = values_of(model)
    leaves = [(str(path), np.asarray(x)) for path, x in jax.tree.leaves_with_path(values)]
    neurons = [(type(lif).__name__, lif.spk_fun) for lif in model.lif]
    return leaves, neurons, [d.prob for d in find_nodes(model, is_dropout).values()]


def assert_same(one, other):
    (first, *rest), (second, *others) = held(one), held(other)
    assert rest == others
    for (path, a), (same, b) in zip(first, second, strict=True):
        assert path == same
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("batch_first", [thorough(False), True])
@pytest.mark.parametrize("kind", ARGUMENTS)
def test_the_code_of_a_change_does_the_same_bit_for_bit(kind, batch_first):
    model, twin, x = made(kind), made(kind), inputs()
    change = getattr(changes, kind)(*ARGUMENTS[kind](trace(model, x)))
    before, changed = held(made(kind)), change.apply(model, x)
    turned = (lambda x: jnp.swapaxes(x, 0, 1)) if batch_first else (lambda x: x)
    scope = {"model": twin, "inputs": turned(x), "low": LOW}
    exec(str(change.code(Given(batch_first=batch_first))), scope)
    np.testing.assert_array_equal(changed, turned(scope["inputs"]))
    assert_same(model, twin)
    assert str(before) != str(held(model)) or changed.shape != x.shape


def test_every_change_is_written_or_left_to_the_user():
    kinds = {kind.__name__ for kind in Change.__subclasses__()}
    assert kinds == ARGUMENTS.keys() | {type(change).__name__ for change in FOR_THE_USER}
    for change, said in FOR_THE_USER.items():
        assert change.said(Given()) == said
        assert change.code(Given()).statements == ()
        assert change.apply(None, 3) == 3


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
        lambda b, w: (b, w),
        lambda b, w: [b, w],
        lambda b, w: {"layer": {"b": b, "w": [w]}},
    ],
    ids=["a dictionary", "Quantities", "a tuple", "a list", "nested"],
)
def test_a_line_on_weights_that_are_part_of_a_state(tree):
    bias, weights = jnp.zeros(N), jnp.eye(N)
    model = Kept(tree(bias, weights))
    step = trace(model, inputs())
    (position,) = step.graph.input_weights(step.populations[0].name)
    exec(str(ways.scaled_weights(step, (position,), 3.0).code(Given())), {"model": model})
    expected = tree(bias, 3 * weights)
    assert jax.tree.structure(model.weights.value) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_allclose, *map(jax.tree.leaves, (model.weights.value, expected)))


class Dale(Layer):
    """Excitation and inhibition, each by positive weights of its own."""

    def __init__(self):
        super().__init__(0.5)
        self.inhibition = brainstate.ParamState(0.2 * jnp.ones((8, 8)))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + x @ self.weights.value - x @ self.inhibition.value
        return self.spk_fun(self.V.value - 1)


def test_weights_under_dales_law_are_never_centred():
    """Their means are what makes one excite and the other inhibit."""
    assert ways.of_one_sign(trace(Stack(Dale()), small_inputs())) == ()
    assert len(ways.of_one_sign(trace(Stack(Layer(0.5)), small_inputs()))) == 1
