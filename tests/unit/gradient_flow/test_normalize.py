"""Dampening by population: the rules hold when the result is measured."""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
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
from braintools_qps._gradient_flow.target import changed


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
    flow = only(gradient_flow(model, inputs(), target=None, rate=None, **options))
    return {population.name: population for population in flow.populations}


def test_equal_moments_across_depth():
    model = Stack()
    before = measured(model)
    assert max(abs(np.log(before[name].depth_growth)) for name in ("low", "middle")) > 0.2
    chosen = normalize_surrogate(model, inputs(), "depth")
    assert chosen["top"] == QPseudoSpike(3.0, dampening=2.0)
    assert isinstance(chosen["middle"], Scaled)
    assert set_surrogate(model, chosen) == 3
    after = measured(model)
    assert [after[name].depth_growth for name in ("low", "middle")] == pytest.approx(
        [1, 1], rel=0.05
    )


def test_one_mean_slope_for_all():
    model = Stack()
    chosen = normalize_surrogate(model, inputs(), "mean_slope", target=0.1)
    flows = gradient_flow(model, inputs(), surrogates={"even": chosen}, target=None, rate=None)
    slopes = [population.mean_slope for population in only(flows).populations]
    assert slopes == pytest.approx([0.1] * 3, rel=1e-3)
    assert normalize_surrogate(model, inputs()) == chosen  # what is done by default


def test_slopes_per_millivolt_come_down_to_the_lowest():
    model = Two(between=1.0, spike=SURROGATE.replace(scale=1.0 * u.mV), unit=u.mV)
    before = {name: population.mean_slope for name, population in measured(model).items()}
    set_surrogate(model, normalize_surrogate(model, inputs()))
    slopes = [population.mean_slope for population in measured(model).values()]
    assert max(before.values()) > 1.1 * min(before.values())
    assert slopes == pytest.approx([min(before.values())] * 2, rel=1e-3)


def test_one_second_moment_for_all():
    """The lowest layer by hand: its membranes are those of a leaky layer with a soft reset."""
    layer = Layer(jnp.zeros((N, N)), SURROGATE)
    factor = normalize_surrogate(layer, inputs(), "second_moment", target=0.1)["Layer"].dampening
    V, slopes = np.zeros(inputs().shape[1:]), []
    for x in np.asarray(inputs()):
        V = 0.8 * (V - (V >= 1)) + x
        slopes.append((1 + 2 * np.abs((V - 1) / 0.7) / 2.5) ** -1.5 / 0.7)
    assert factor == pytest.approx(0.1 / np.sqrt(np.mean(np.square(slopes))), rel=1e-3)


@pytest.mark.parametrize("rule", ["mean_slope", "second_moment"])
def test_no_dampening_rises_to_a_target(rule):
    model = Stack()
    before = {name: one.mean_slope for name, one in measured(model).items()}
    assert repr(normalize_surrogate(model, inputs(), rule, target=10.0)) == repr(
        {"low": SURROGATE, "middle": Sigmoid(2.0), "top": QPseudoSpike(3.0, dampening=2.0)}
    )
    lowest, *_, highest = sorted(before.values())
    between = (lowest + highest) / 2
    set_surrogate(model, normalize_surrogate(model, inputs(), "mean_slope", target=between))
    after = {name: one.mean_slope for name, one in measured(model).items()}
    lowered = {name: min(slope, between) for name, slope in before.items()}
    assert after == pytest.approx(lowered, rel=1e-3)


def test_what_to_start_from_can_be_given():
    chosen = normalize_surrogate(Stack(), inputs(), "mean_slope", surrogate="QPseudoSpike(alpha=4)")
    assert {type(surrogate) for surrogate in chosen.values()} == {QPseudoSpike}
    assert {surrogate.alpha for surrogate in chosen.values()} == {4.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "height"}, "rule must be one of mean_slope, second_moment, depth, got 'height'"),
        ({"rule": "depth", "target": 0.5}, "takes no target, got 0.5"),
        ({"rule": "mean_slope", "target": 0.0}, "finite and greater than 0, got 0.0"),
        ({"rule": "mean_slope", "target": -0.5}, "finite and greater than 0, got -0.5"),
        ({"rule": "mean_slope", "target": 10**400}, "finite and greater than 0, got 10000"),
        ({"rule": "second_moment", "target": np.inf}, "finite and greater than 0, got inf"),
        ({"rule": "mean_slope", "target": np.nan}, "finite and greater than 0, got nan"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        normalize_surrogate(Stack(), inputs(), **options)


def test_a_population_without_a_gradient_cannot_be_normalised():
    model = Stack()
    model.between.value = 0 * model.between.value
    with pytest.raises(ValueError, match="needs a gradient to be .* got none in low, middle"):
        normalize_surrogate(model, inputs(), "depth")


def test_a_population_without_a_slope_cannot_be_normalised():
    far = QPseudoSpike(float("inf"), scale=1e-4)  # exp(-1e4) at a distance of 1
    options = {"rule": "mean_slope", "surrogate": {"low": far}}
    with pytest.raises(ValueError, match="needs a slope above 0 to be .* got none in low. gra"):
        normalize_surrogate(Two(between=1.0), 0 * inputs(), **options)


@pytest.mark.parametrize(("between", "factor"), [(0.5, "64.0"), (2.0, "0.015625")])
def test_moments_that_no_dampening_makes_equal(between, factor):
    """What goes on from below is the membrane: its gradient is so many times that above."""

    class Membranes(Layer):
        def update(self, x):
            return 0 * super().update(x) + self.V.value

    model = Two(between)
    model.low = Membranes(jnp.zeros((N, N)), SURROGATE)
    message = rf"with \{{'low': {factor}, 'top': 1.0\}} they .* to top: low {between:g}. Take rule"
    with pytest.raises(ValueError, match=message):
        normalize_surrogate(model, inputs()[:1], "depth")


def test_dampening_does_not_rise_until_the_reset_overshoots():
    """Weights of a half ask for more than twice the dampening, at which the soft reset flips it."""
    with pytest.raises(ValueError, match=r"to step in low\. Take rule='mean_slope'$"):
        normalize_surrogate(Two(between=0.5), inputs(), "depth")
    model = Two(between=1.0)
    set_surrogate(model, normalize_surrogate(model, inputs(), "depth"))
    assert measured(model)["low"].depth_growth == pytest.approx(1, rel=0.05)
    assert measured(model)["low"].consistency > 0


class Two(brainstate.nn.Module):
    """Two layers without recurrence."""

    def __init__(self, between, spike=SURROGATE, unit=1.0):
        super().__init__()
        self.low, self.top = (Layer(jnp.zeros((N, N)), spike, unit) for _ in range(2))
        self.between = brainstate.ParamState(between * jnp.eye(N))

    def update(self, x):
        return self.top(self.low(x) @ self.between.value)


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
    with pytest.raises(ValueError, match=rf"(?s)middle.*{why}.*surrogate="):
        normalize_surrogate(model, inputs(), "mean_slope")
    chosen = normalize_surrogate(model, inputs(), "mean_slope", surrogate={"middle": Sigmoid()})
    assert isinstance(chosen["middle"], Scaled)


@pytest.mark.parametrize("target", ["0.1", [0.1], 0.1 / u.mV])
def test_a_target_that_is_no_number_is_refused(target):
    with pytest.raises(ValueError, match=r"a number without a unit, finite and .*, got .*Pass 0.1"):
        normalize_surrogate(Stack(), inputs(), target=target)


def test_a_changed_dampening_has_no_digits_of_rounding():
    """0.2504 times 3 is 0.7512000000000001 in floating point."""
    spike = QPseudoSpike(dampening=3.0)
    assert changed(spike, "dampening", 0.2504) == QPseudoSpike(dampening=0.7512)
    assert changed(Scaled(spike), "scale", 3.0).scale == 3.0
