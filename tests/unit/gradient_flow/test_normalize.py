"""Dampening by population: its mean slope is what was asked for when the result is measured."""

import brainstate
import brainunit as u
import jax.numpy as jnp
import pytest
from braintools.surrogate import Sigmoid
from flow_networks import SURROGATE, Layer, N, only, weights_and_inputs

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    gradient_flow,
    normalize_surrogate,
    set_surrogate,
)


class Stack(brainstate.nn.Module):
    """Three feed-forward layers, the middle one with a surrogate that has no dampening."""

    def __init__(self):
        super().__init__()
        weights, _ = weights_and_inputs()
        spikes = {"low": SURROGATE, "middle": Sigmoid(2.0), "top": QPseudoSpike(3.0, dampening=2.0)}
        for name, spike in spikes.items():
            setattr(self, name, Layer(0.3 * weights, spike))
        self.between = brainstate.ParamState(2 * jnp.abs(weights))

    def update(self, x):
        x = self.low(x) @ self.between.value
        return self.top(self.middle(x) @ self.between.value)


def inputs():
    return weights_and_inputs()[1]


def measured(model, **options):
    flow = only(gradient_flow(model, inputs(), **options))
    return {population.name: population for population in flow.populations}


def test_all_are_lowered_by_the_factor_that_the_highest_needs():
    model = Stack()
    before = {name: one.slopes.mean for name, one in measured(model).items()}
    chosen = normalize_surrogate(model, inputs(), mean_slope=0.1)
    assert normalize_surrogate(model, inputs()) == chosen  # what is done by default
    set_surrogate(model, chosen)
    after = {name: one.slopes.mean for name, one in measured(model).items()}
    assert max(after.values()) == pytest.approx(0.1, rel=1e-3)
    factor = 0.1 / max(before.values())
    assert after == pytest.approx({name: factor * x for name, x in before.items()}, rel=1e-3)


def test_no_dampening_rises():
    assert repr(normalize_surrogate(Stack(), inputs(), mean_slope=10.0)) == repr(
        {"low": SURROGATE, "middle": Sigmoid(2.0), "top": QPseudoSpike(3.0, dampening=2.0)}
    )


def test_what_to_start_from_can_be_given():
    first = jnp.swapaxes(inputs(), 0, 1)
    options = {"surrogate": "QPseudoSpike(alpha=4)"}
    chosen = normalize_surrogate(Stack(), inputs(), **options)
    assert normalize_surrogate(Stack(), first, **options, batch_first=True) == chosen
    assert {type(surrogate) for surrogate in chosen.values()} == {QPseudoSpike}
    assert {surrogate.alpha for surrogate in chosen.values()} == {4.0}


@pytest.mark.parametrize(("slope", "error"), [(0.0, ValueError), (0.1 / u.mV, TypeError)])
def test_slopes_that_cannot_be_are_refused(slope, error):
    with pytest.raises(error, match=r"mean_slope must be .*, got .*\. For example 0\.1"):
        normalize_surrogate(Stack(), inputs(), mean_slope=slope)


def test_a_population_without_a_slope_cannot_be_normalised():
    far = QPseudoSpike(float("inf"), scale=1e-4)  # exp(-1e4) at a distance of 1
    options = {"surrogate": {"low": far}}
    with pytest.raises(ValueError, match="(?s)needs a mean slope above 0 .* none in low.*gra"):
        normalize_surrogate(Two(), 0 * inputs(), **options)


class Two(brainstate.nn.Module):
    """Two layers without recurrence."""

    def __init__(self, spike=SURROGATE, unit=1.0):
        super().__init__()
        self.low, self.top = (Layer(jnp.zeros((N, N)), spike, unit) for _ in range(2))

    def update(self, x):
        return self.top(self.low(x))


def test_millivolts_divide_out():
    """One in mV, the other in numbers, are the same neurons: their dampenings are the same."""
    plain = normalize_surrogate(Two(SURROGATE.replace(scale=1.0)), inputs())
    volts = Two(SURROGATE.replace(scale=1.0 * u.mV), unit=u.mV)
    factors = {name: one.dampening for name, one in normalize_surrogate(volts, inputs()).items()}
    assert factors == {name: pytest.approx(one.dampening) for name, one in plain.items()}


@pytest.mark.parametrize(
    ("spike", "why"),
    [
        (QPseudoSpike(dampening=brainstate.ShortTermState(jnp.asarray(0.5))), "is a State"),
        (Scaled(Sigmoid(), dampening=brainstate.ShortTermState(jnp.asarray(0.5))), "is a State"),
        (lambda x: Sigmoid()(x), "is no Surrogate"),
    ],
)
def test_a_dampening_that_cannot_be_multiplied_is_named(spike, why):
    model = Stack()
    model.middle.spk_fun = spike
    with pytest.raises(ValueError, match=rf"(?s){why} in middle.*surrogate="):
        normalize_surrogate(model, inputs())
    chosen = normalize_surrogate(model, inputs(), surrogate={"middle": Sigmoid()})
    assert isinstance(chosen["middle"], Scaled)
