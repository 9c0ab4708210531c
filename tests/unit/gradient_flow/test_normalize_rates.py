"""Weights scaled until every population fires at a rate, by hand where that can be done."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import BATCH, Diagonal, Loop, Memoryless, N, Neurons, RunsAway
from helpers import linear

from braintools_qps import normalize_rates

STEPS = 50
Chain = brainstate.nn.Sequential


def inputs():
    """Evenly spread from 0 to 1, in a random order."""
    grid = (jnp.arange(STEPS * BATCH * N) + 0.5) / (STEPS * BATCH * N)
    return jax.random.permutation(jax.random.key(0), grid).reshape(STEPS, BATCH, N)


@pytest.mark.parametrize(("rate", "weight"), [(0.05, 0.01), (0.5, 3.0), (0.1, 200.0)])
def test_silent_and_saturated_populations_come_to_the_rate(rate, weight):
    """Of the inputs from 0 to 1, a share of ``rate`` lies above 1 - rate."""
    model = Chain(Diagonal(weight), Neurons())
    samples_first = jnp.swapaxes(inputs(), 0, 1)
    (one,) = normalize_rates(model, samples_first, rate, batch_first=True).populations
    assert one.before == pytest.approx(max(0, 1 - 1 / weight), abs=2e-3)
    assert one.after == pytest.approx(rate, rel=0.02)
    assert one.factor * weight == pytest.approx(1 / (1 - rate), rel=0.02)
    assert float(model.layers[0].weight.value["w"][0, 0]) == pytest.approx(one.factor * weight)


def test_later_populations_are_scaled_with_the_earlier_ones_already_scaled():
    """Six layers, whose names are not in the order of the data, against a run in NumPy."""
    brainstate.random.seed(0)
    model = Chain(*(part for _ in range(6) for part in (linear(N, N), Neurons())))
    x = inputs() * 0.1
    done = normalize_rates(model, x, 0.2)
    assert [one.population for one in done.populations] == [f"layers.{i}" for i in range(1, 12, 2)]
    spikes = np.asarray(x)
    for one, layer in zip(done.populations, model.layers[::2]):
        weights = layer.weight.value
        spikes = (spikes @ weights["weight"] + weights["bias"] >= 1).astype(np.float32)
        assert one.after == pytest.approx(float(spikes.mean()), abs=1e-3)
        assert 0.1 <= one.after <= 0.4  # as near as spikes of so few neurons allow


def test_biases_surrogates_states_and_the_random_state_stay():
    model = Chain(Diagonal(0.1, bias=0.25), brainstate.nn.Dropout(0.9), Neurons())
    brainstate.random.seed(3)
    key = brainstate.random.DEFAULT.value
    surrogate = model.layers[2].spk_fun
    with brainstate.environ.context(fit=True):
        (one,) = normalize_rates(model, inputs()).populations
    assert one.factor > 1
    assert model.layers[0].weight.value["b"] == 0.25
    assert model.layers[2].spk_fun is surrogate
    assert not np.any(model.layers[2].V.value)
    assert (brainstate.random.DEFAULT.value == key).all()


@pytest.mark.parametrize("weight", [0.5, 5.0])
def test_no_rate_is_that_of_membranes_that_run_away(weight):
    model = Chain(Diagonal(weight), RunsAway())
    (one,) = normalize_rates(model, inputs(), 0.5).populations
    assert np.isnan(one.before) == (weight > 3)
    assert one.after == pytest.approx(0.5, rel=0.02)
    (one,) = normalize_rates(model, inputs(), 0.9).populations  # as near as weights of 3 bring it
    assert one.after == pytest.approx(2 / 3, rel=0.01)


def test_units_and_dtypes_are_kept():
    model = Chain(Diagonal(0.1, unit=u.mV), Neurons())
    model.layers[0].weight.value = {
        "w": (0.1 * jnp.eye(N, dtype=jnp.bfloat16)) * u.mV,
        "b": jnp.zeros((), jnp.bfloat16) * u.mV,
    }
    normalize_rates(model, inputs())
    weights = model.layers[0].weight.value["w"]
    assert weights.unit == u.mV
    assert weights.dtype == jnp.bfloat16
    assert float(weights.to_decimal(u.mV)[0, 0]) == pytest.approx(1 / 0.9, rel=0.02)


def test_recurrent_weights_keep_their_share():
    class Recurrent(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.back = linear(N, N), linear(N, N)
            self.cell = brainpy.state.LIF(N, V_th=1 * u.mV, tau=5 * u.ms)

        def update(self, x):
            return self.cell((self.into(x) + self.back(self.cell.get_spike())) * u.mA)

    brainstate.random.seed(0)
    model = Recurrent()
    before = [model.into.weight.value["weight"], model.back.weight.value["weight"]]
    with brainstate.environ.context(dt=1 * u.ms):
        (one,) = normalize_rates(model, inputs()).populations
    after = [model.into.weight.value["weight"], model.back.weight.value["weight"]]
    for old, new in zip(before, after):
        np.testing.assert_allclose(new, one.factor * old, rtol=1e-6)
    assert one.after == pytest.approx(0.1, rel=0.1)


class Late(Memoryless):
    """The membrane takes the current that the last step has left, as in Norse's LIF."""

    def __init__(self):
        super().__init__((BATCH, N))
        self.current = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        spikes = super().update(self.current.value)
        self.current.value = x
        return spikes


def test_weights_are_found_behind_another_state():
    (one,) = normalize_rates(Chain(Diagonal(0.5), Late()), inputs(), 0.2).populations
    steps = STEPS - 1  # the first one has no current
    assert one.factor == pytest.approx(2 / (1 - 0.2 * STEPS / steps), rel=0.01)


def test_populations_that_feed_each_other():
    done = normalize_rates(Loop(), inputs())
    assert [one.after for one in done.populations] == pytest.approx([0.1, 0.1], rel=0.1)


def test_a_population_that_no_weights_feed_is_left_alone():
    model = Chain(Neurons(threshold=0.7), Diagonal(0.5), Neurons())
    done = normalize_rates(model, inputs(), 0.3)
    first, second = done.populations
    assert first.before == first.after == pytest.approx(0.3, abs=2e-3)
    assert first.factor is None
    assert second.factor == pytest.approx(2, rel=1e-3)  # a spike of 1 is then enough
    assert "No weight matrices to scale feed layers.0." in str(done)


def test_weights_that_are_no_parameters_are_left_where_neurons_fire():
    model = Chain(Diagonal(1 / 0.7), Neurons(), Diagonal(0.5), Neurons())
    model.layers[0].weight = brainstate.LongTermState(model.layers[0].weight.value)
    done = normalize_rates(model, inputs(), 0.3)
    assert [p.after for p in done.populations] == pytest.approx([0.3, 0.3], rel=0.02)
