"""Dampening by population: its mean slope is what was asked for when the result is measured."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from braintools.surrogate import Sigmoid
from faulty_layers import Readout, Ternary
from flow_networks import Layer as OnVoltages
from flow_networks import gradient_flow, only, weights_and_inputs
from helpers import thorough
from small_stacks import Layer, Stack, inputs

from braintools_qps import QPseudoSpike, Scaled, normalize_surrogate, set_surrogate

LOW, HIGH = QPseudoSpike(1.5, scale=0.7), QPseudoSpike(3.0, dampening=2.0)


def stack(middle=Sigmoid(2.0)):  # noqa: B008
    """Three layers, the middle one with a surrogate that has no dampening."""
    return Stack(*(Layer(1.3, spike) for spike in (LOW, middle, HIGH)))


STATE = brainstate.ShortTermState(jnp.asarray(0.5))


@pytest.mark.parametrize(
    "middle",
    [
        Sigmoid(2.0),
        *map(thorough, (QPseudoSpike(dampening=STATE), Scaled(Sigmoid(), dampening=STATE))),
    ],
)
def test_all_are_lowered_by_the_factor_that_the_highest_needs(middle):
    def means():
        return [p.slopes.mean for p in only(gradient_flow(model, inputs())).populations]

    model = stack(middle)
    before = means()
    chosen = normalize_surrogate(model, inputs(), mean_slope=0.1)
    assert normalize_surrogate(model, inputs()) == chosen  # what is done by default
    set_surrogate(model, chosen)
    after = means()
    assert max(after) == pytest.approx(0.1, rel=1e-3)
    assert after == pytest.approx([0.1 / max(before) * x for x in before], rel=1e-3)


def test_no_dampening_rises():
    chosen = normalize_surrogate(stack(), inputs(), mean_slope=10.0)
    assert repr(list(chosen.values())) == repr([LOW, Sigmoid(2.0), HIGH])


def test_what_to_start_from_can_be_given():
    first = jnp.swapaxes(inputs(), 0, 1)
    options = {"surrogate": "QPseudoSpike(alpha=4)"}
    chosen = normalize_surrogate(stack(), inputs(), **options)
    assert normalize_surrogate(stack(), first, **options, batch_first=True) == chosen
    assert {type(surrogate) for surrogate in chosen.values()} == {QPseudoSpike}
    assert {surrogate.alpha for surrogate in chosen.values()} == {4.0}
    own = normalize_surrogate(stack(Ternary()), inputs(), surrogate={"layers.1": Sigmoid()})
    assert isinstance(own["layers.1"], Scaled)


def test_millivolts_divide_out():
    """One in mV, the other in numbers, are the same neurons: their dampenings are the same."""
    weights, x = weights_and_inputs()
    models = (OnVoltages(weights, LOW.replace(scale=1.0 * unit), unit) for unit in (1.0, u.mV))
    plain, volts = (normalize_surrogate(model, x)["Layer"] for model in models)
    assert volts.dampening == pytest.approx(plain.dampening)


def test_a_readout_is_no_population_and_may_call_any_function():
    model = Stack(Layer(1.3, LOW), Readout(1.0, jax.nn.sigmoid))
    assert list(normalize_surrogate(model, inputs())) == ["layers.0"]
