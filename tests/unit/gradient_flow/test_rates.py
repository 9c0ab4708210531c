"""Silence and saturation answered with a number, which does what it says."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from flow_networks import SURROGATE, Layer, N, only

from braintools_qps import gradient_flow


class Threshold(Layer):
    """Membranes are their input: the firing rate is the share of inputs above the threshold."""

    def __init__(self, threshold, unit=1.0):
        super().__init__(jnp.zeros((N, N)), SURROGATE.replace(scale=1.0 * unit), unit=unit)
        self.threshold = threshold

    def update(self, x):
        self.V.value = 0 * self.V.value + x * self.unit
        return self.spk_fun(self.V.value - self.threshold * self.unit)


def inputs():
    """Evenly spread from 0 to 1, in a random order."""
    grid = (jnp.arange(50 * 3 * N) + 0.5) / (50 * 3 * N)
    return jax.random.permutation(jax.random.key(0), grid).reshape(50, 3, N)


def found(model, **options):
    (population,) = only(gradient_flow(model, inputs(), target=None, **options)).populations
    return population.rate_adjustment


def test_a_silent_population_is_told_its_gain_and_its_threshold():
    one = found(Threshold(2.0), rate=0.2)
    # A fifth of gain * x lies above 2, where gain * 0.8 = 2; of x above 2 + change, at 0.8.
    assert one.input_gain == pytest.approx(2.5, rel=5e-3)
    assert one.threshold_change == pytest.approx(-1.2, rel=5e-3)
    assert (one.input_rate, one.threshold_rate) == pytest.approx((0.2, 0.2), abs=2e-3)
    assert one.target == 0.2


def test_a_saturated_population_too():
    one = found(Threshold(-0.1), rate=0.5)
    assert one.threshold_change == pytest.approx(0.6, rel=5e-3)
    assert one.input_gain is None  # inputs above 0 lie above -0.1 at any gain
    assert one.input_rate is None


@pytest.mark.parametrize(
    ("threshold", "gain"), [(800, 1000), (900, None), (8e-4, 1e-3), (7e-4, None)]
)
def test_gains_are_searched_from_1_over_1024_to_1024(threshold, gain):
    """A fifth of gain * x lies above the threshold where gain * 0.8 is the threshold."""
    assert found(Threshold(threshold), rate=0.2).input_gain == (gain and pytest.approx(gain, 5e-3))


def test_what_is_found_has_four_digits():
    one = found(Threshold(2.0), rate=0.7)  # gain * 0.3 = 2
    values = one.input_gain, one.threshold_change
    assert values == tuple(float(f"{value:.4g}") for value in values)
    assert values == pytest.approx((6.667, -1.7), rel=5e-3)


def test_membranes_that_mostly_lie_at_the_threshold():
    """Three fifths of them there, the others evenly up to 1 above: a fifth is above 0.5."""
    x = jnp.maximum(2.5 * inputs() - 1.5, 0)
    (population,) = only(gradient_flow(Threshold(0.0), x, target=None, rate=0.2)).populations
    assert population.saturated_share == 1
    assert population.rate_adjustment.threshold_change == pytest.approx(0.5, rel=5e-3)


def test_a_threshold_in_volts_changes_by_volts():
    one = found(Threshold(2.0, u.mV), rate=0.2)
    assert u.math.allclose(one.threshold_change, -1.2 * u.mV, rtol=5e-3)


def test_a_population_that_is_neither_needs_nothing():
    assert found(Threshold(0.5)) is None
    assert found(Threshold(2.0), rate=None) is None


def test_silent_neurons_in_a_busy_population_are_no_reason_to_calm_it():
    """Half of the neurons fire at four inputs in five: less input would silence more of them."""
    busy = Threshold(jnp.where(jnp.arange(N) % 2, 2.0, 0.2))
    (flow,) = only(gradient_flow(busy, inputs(), target=None, rate=0.1)).populations
    assert (flow.silent_share, flow.firing_rate) == pytest.approx((0.5, 0.4), abs=0.02)
    assert flow.rate_adjustment is None
    calm = Threshold(jnp.where(jnp.arange(N) % 2, 2.0, -0.1))
    (flow,) = only(gradient_flow(calm, inputs(), target=None, rate=0.7)).populations
    assert flow.saturated_share == 0.5
    assert flow.rate_adjustment.threshold_change < 0  # the silent half has to fire more
    calm.threshold = jnp.where(jnp.arange(N) % 2, 0.95, -0.1)
    (flow,) = only(gradient_flow(calm, inputs(), target=None, rate=0.7)).populations
    assert flow.rate_adjustment is None


def test_no_candidate_is_proposed_for_a_silent_or_saturated_population():
    for threshold in (2.0, -0.1):
        flow = only(gradient_flow(Threshold(threshold), inputs(), target=0.5, rate=None))
        assert flow.adjustments == ()


def test_the_population_above_alone_is_changed():
    class Two(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = Threshold(0.5), Threshold(1.5)

        def update(self, x):
            return self.above(self.below(x))

    flow = only(gradient_flow(Two(), inputs(), target=None, rate=0.3))
    below, above = flow.populations
    assert below.rate_adjustment is None
    # Its inputs are 0 or 1: no gain of the model's inputs lifts them over 1.5.
    assert above.rate_adjustment.input_gain is None
    assert above.rate_adjustment.threshold_change == pytest.approx(-0.5, rel=5e-3)
    assert any("with its threshold changed by -0.5" in sentence for sentence in flow.advice)


class Weighted(brainstate.nn.Module):
    """Inputs times 2 weights each that are 0.5, in a layer whose spikes go on to another."""

    def __init__(self, threshold):
        super().__init__()
        self.first = brainstate.ParamState({"weight": 0.5 * jnp.eye(N), "bias": jnp.zeros(N)})
        self.second = brainstate.ParamState(jnp.eye(N))
        self.below, self.above = Threshold(0.25), Threshold(threshold)

    def update(self, x):
        first = self.first.value
        spikes = self.below(x @ (2 * first["weight"]) / 2 + first["bias"])
        return self.above(spikes @ self.second.value)


def test_the_weights_of_a_population_are_its_own():
    """Spikes of 0 or 1 lie above 1.5 with weights of 1.5; what is below is left alone."""
    below, above = only(gradient_flow(Weighted(1.5), inputs(), target=None, rate=0.3)).populations
    assert above.silent_share == 1
    assert above.rate_adjustment.weight_gain == pytest.approx(1.5, rel=5e-3)
    assert above.rate_adjustment.weight_rate == pytest.approx(below.firing_rate)
    assert above.rate_adjustment.input_gain is None


def test_weights_and_inputs_of_the_first_population_do_the_same():
    model = Weighted(0.5)
    model.below.threshold = 1.0  # a fifth of 0.5 * gain * x lies above it where gain * 0.4 = 1
    below, above = only(gradient_flow(model, inputs(), target=None, rate=0.2)).populations
    assert below.rate_adjustment.weight_gain == pytest.approx(2.5, rel=5e-3)
    assert below.rate_adjustment.weight_gain == below.rate_adjustment.input_gain
    assert above.rate_adjustment.input_gain == below.rate_adjustment.input_gain
    assert above.rate_adjustment.weight_gain is None  # no spike comes in


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_a_threshold_of_brainpys_neurons_is_changed_as_the_guide_says(reset):
    voltages = {"V_th": 15.0 * u.mV, "V_reset": -5.0 * u.mV}
    x = 30 * inputs() * u.mA

    def neuron(**voltages):
        return brainpy.state.LIF(N, R=0.2 * u.ohm, spk_reset=reset, spk_fun=SURROGATE, **voltages)

    with brainstate.environ.context(dt=1 * u.ms):
        flow = only(gradient_flow(neuron(**voltages), x, target=None, rate=0.2))
        found = flow.populations[0].rate_adjustment
        change = found.threshold_change * (voltages["V_th"] - voltages["V_reset"])
        moved = ["V_th", "V_reset"] if reset == "soft" else ["V_th"]
        lower = neuron(**voltages | {name: voltages[name] + change for name in moved})
        (population,) = only(gradient_flow(lower, x, target=None)).populations
    assert flow.populations[0].silent_share == 1
    assert found.threshold_rate == pytest.approx(0.2, abs=0.01)
    assert population.firing_rate == pytest.approx(found.threshold_rate, abs=1e-3)
