"""A remedy that is printed runs and helps; one that raises is not promised."""

import re

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import lif_networks
import numpy as np
import pytest
from braintools_qps._causes import limits
from faulty_layers import Recurrent
from flow_networks import Layer as OnVoltages
from flow_networks import only, weights_and_inputs
from small_stacks import BATCH, Layer, N, Stack, inputs

from braintools_qps import (
    QPseudoSpike,
    gradient_flow,
    normalize_rates,
    normalize_surrogate,
    set_surrogate,
)


class Inhibited(Stack):
    """Excitatory neurons, and inhibitory ones that hold them down a step later."""

    def __init__(self):
        super().__init__(Layer(0.01), Layer(3.0))
        self.back = brainstate.ParamState(-30 * jnp.ones((N, N)))
        self.inhibition = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        excitatory, inhibitory = self.layers
        sent = excitatory(x + self.inhibition.value @ self.back.value)
        self.inhibition.value = inhibitory(sent)
        return sent @ self.out.value


def shared():
    network = Stack(Layer(0.03), Layer(0.03))
    network.layers[1].weights = network.layers[0].weights
    return network


@pytest.mark.usefixtures("one_millisecond")
@pytest.mark.parametrize(
    ("make", "x"),
    [
        (Inhibited, inputs),
        (shared, inputs),
        (lambda: lif_networks.Network(V_th=1 * u.volt), lif_networks.inputs),
        (lambda: lif_networks.Network(tau=5 * u.second), lif_networks.inputs),
    ],
    ids=["inhibition", "shared weights", "threshold of 1 V", "tau of 5 s"],
)
def test_normalize_rates_is_not_promised_where_it_raises(make, x):
    """Where a line is printed none the less, it does more than that, and runs."""
    model = make()
    with pytest.raises(ValueError, match="nothing was changed|Use a copy for each"):
        normalize_rates(model, x())
    found = only(gradient_flow(model, x())).diagnosis
    assert found.cause == "silent"
    assert (found.code is not None) is (make is Inhibited)
    if found.code is None:
        assert not re.search("normalize_rates|every population", found.remedy)
    else:
        scope = {"model": model, "inputs": x()}
        exec(found.code, scope)
        assert only(gradient_flow(model, scope["inputs"])).diagnosis.cause == "none"


class Kept(brainstate.nn.Module):
    """Weights and a bias, in any tree, that feed two populations: they cannot be normalised."""

    def __init__(self, tree):
        super().__init__()
        self.weights = brainstate.ParamState(tree)
        self.layers = Layer(1.0), Layer(1.0)

    def update(self, x):
        bias, weights = jax.tree.leaves(self.weights.value)
        return sum(layer(x @ weights + bias) for layer in self.layers)


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
    bias, weights = jnp.zeros(N), 0.01 * jnp.eye(N)
    model = Kept(tree(bias, weights))
    flow = only(gradient_flow(model, inputs()))
    assert flow.diagnosis.cause == "silent"
    factor = float(re.search(r"([\d.]+) \* model", flow.diagnosis.code)[1])
    exec(flow.diagnosis.code, {"model": model})
    expected = tree(bias, factor * weights)
    assert jax.tree.structure(model.weights.value) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_allclose, *map(jax.tree.leaves, (model.weights.value, expected)))


def test_normalize_surrogate_is_not_advised_for_a_plain_function():
    model = Stack(Layer(1.0, lambda x: QPseudoSpike(2.0)(x)))
    with pytest.raises(ValueError, match="is no Surrogate that sends 0 or 1 in layers.0"):
        normalize_surrogate(model, inputs())
    (hint,) = (x for x in only(gradient_flow(model, inputs())).further if "mean slope" in x)
    exec(re.search("from braintools_qps import .*[^.]", hint)[0], {"model": model})
    flow = only(gradient_flow(model, inputs()))
    assert flow.mean_slope == pytest.approx(0.1, rel=0.05)
    assert not any("mean slope" in x for x in flow.advice[1:])


@pytest.mark.parametrize("alpha", [2.0, np.inf])
def test_a_scale_in_microvolts(alpha):
    """The remedy, followed to the end, gives a gradient that does not explode."""
    weights, x = weights_and_inputs()
    model = OnVoltages(weights, QPseudoSpike(alpha, scale=1 * u.uvolt), unit=u.mV)
    found = only(gradient_flow(model, x)).diagnosis
    assert (found.cause, found.population) == ("out of reach", "Layer")
    exec(found.code, {"model": model, "inputs": x})
    flow = only(gradient_flow(model, x))
    assert flow.diagnosis.cause == "none"
    assert 0 < flow.populations[0].gradient.end_to_end < limits.FAR
    assert flow.mean_slope < limits.TOO_HIGH


class Unpublished(QPseudoSpike):
    """A surrogate of one's own, which no spec can name."""


def test_a_line_for_a_candidate_runs():
    """No line that cannot be typed is printed."""
    model, x = Stack(Recurrent(QPseudoSpike())), inputs(60)
    spike = Unpublished(0.5)
    flow = gradient_flow(model, x, surrogates={"mine": spike})["mine"]
    assert flow.diagnosis.cause == "too high"
    set_surrogate(model, spike)
    exec(flow.diagnosis.code, {"model": model, "inputs": x})
    assert only(gradient_flow(model, x)).diagnosis.cause == "none"


def test_a_hint_for_a_candidate_runs():
    model = Stack(Layer(1.0))
    flow = gradient_flow(model, inputs(), surrogates={"mine": Unpublished()})["mine"]
    (hint,) = (x for x in flow.further if "mean slope" in x)
    exec(re.search("from braintools_qps import .*[^.]", hint)[0], {"model": model})
    assert only(gradient_flow(model, inputs())).mean_slope == pytest.approx(0.1, rel=0.05)
