"""gradient_flow against a network written out by hand, in float64, and against what can be counted.

The oracle unrolls the time loop and adds a perturbation to every membrane where it is stored.
"""

import json

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import GradientFlow, QPseudoSpike, gradient_flow
from braintools_qps._flow_passes import forward, projections
from braintools_qps._flow_trace import trace

N, STEPS, BATCH = 6, 12, 3
ALPHA, SCALE, LEAK = 1.5, 0.7, 0.8


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


class Layer(brainstate.nn.Module):
    """Recurrent leaky membranes whose spikes come from a local variable, as in brainpy.state."""

    def __init__(self, weights, spike, unit=1.0, shape=(BATCH, N)):
        super().__init__()
        self.weights = brainstate.ParamState(weights)
        self.spk_fun, self.unit = spike, unit
        self.V = brainstate.HiddenState(jnp.zeros(shape) * unit)

    def update(self, x):
        spikes = self.spk_fun(self.V.value - 1.0 * self.unit)
        drive = (spikes @ self.weights.value + x) * self.unit
        V = LEAK * (self.V.value - spikes * self.unit) + drive
        self.V.value = V
        return self.spk_fun(V - 1.0 * self.unit)


class ResetLayer(Layer):
    """The same, but spikes are sent on, and the membrane reset, before it is stored."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.spikes = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        V = LEAK * self.V.value + (self.spikes.value @ self.weights.value + x) * self.unit
        self.spikes.value = self.spk_fun(V - 1.0 * self.unit)
        self.V.value = V - self.spikes.value * self.unit
        return self.spikes.value


def weights_and_inputs(seed=0):
    first, second = jax.random.split(jax.random.key(seed))
    weights = jax.random.normal(first, (N, N)) / np.sqrt(N)
    return weights, jax.random.normal(second, (STEPS, BATCH, N)) + 0.4


def spike_by_hand(x):
    """A step whose derivative is written as a straight line through each point."""
    slope = jax.lax.stop_gradient((1 + 2 * jnp.abs(x / SCALE) / (ALPHA + 1)) ** -ALPHA / SCALE)
    return jnp.where(x >= 0, 1.0, 0.0) + slope * (x - jax.lax.stop_gradient(x))


def run_by_hand(weights, inputs, shifts):
    V, outputs = jnp.zeros((BATCH, N)), []
    for x, shift in zip(inputs, shifts):
        spikes = spike_by_hand(V - 1)
        V = LEAK * (V - spikes) + spikes @ weights + x + shift
        outputs.append(spike_by_hand(V - 1))
    return jnp.stack(outputs)


def run_with_reset_by_hand(weights, inputs, shifts):
    V, spikes, outputs = jnp.zeros((BATCH, N)), jnp.zeros((BATCH, N)), []
    for x, shift in zip(inputs, shifts):
        V = LEAK * V + spikes @ weights + x
        spikes = spike_by_hand(V - 1)
        V = V - spikes + shift
        outputs.append(spikes)
    return jnp.stack(outputs)


def moments_by_hand(run, loss):
    weights, inputs = weights_and_inputs()
    by_shift = jax.jit(jax.grad(lambda shifts: loss(run(weights, inputs, shifts))))
    adjoints = by_shift(jnp.zeros((STEPS, BATCH, N)))
    return np.mean(np.square(adjoints), axis=(1, 2))[::-1]


def last_step(outputs):
    return jnp.sum(outputs[-1] * jnp.cos(jnp.arange(BATCH * N)).reshape(BATCH, N))


def all_steps(outputs):
    return jnp.sum(outputs * jnp.sin(jnp.arange(outputs.size)).reshape(outputs.shape))


SURROGATE = QPseudoSpike(ALPHA, scale=SCALE)


def only(flows):
    (flow,) = flows.values()
    return flow


@pytest.mark.parametrize("loss", [last_step, all_steps])
@pytest.mark.parametrize(
    ("layer", "run"), [(Layer, run_by_hand), (ResetLayer, run_with_reset_by_hand)]
)
def test_second_moments_are_those_of_automatic_differentiation(layer, run, loss):
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(layer(weights, SURROGATE), inputs, loss=loss, target=None))
    (population,) = flow.populations
    np.testing.assert_allclose(
        population.second_moments, moments_by_hand(run, loss), rtol=1e-11, atol=1e-25
    )


def test_a_compiled_model_gives_the_same():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    layer.update = brainstate.transform.jit(layer.update)
    flow = only(gradient_flow(layer, inputs, loss=last_step, target=None))
    np.testing.assert_allclose(
        flow.populations[0].second_moments, moments_by_hand(run_by_hand, last_step), rtol=1e-11
    )


def test_millivolts_divide_out():
    weights, inputs = weights_and_inputs()
    spike = QPseudoSpike(ALPHA, scale=SCALE * 1000 * u.uvolt)
    layer = Layer(weights, spike, unit=u.mV)
    loss = lambda outputs: last_step(outputs) * 2.0 * u.second
    (population,) = only(gradient_flow(layer, inputs, loss=loss, target=None)).populations
    assert population.unit == "mV"
    np.testing.assert_allclose(
        population.second_moments, 4 * moments_by_hand(run_by_hand, last_step), rtol=1e-11
    )
    assert u.math.allclose(population.scale, SCALE * u.mV)


def test_a_voltage_without_a_scale_is_refused():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE.replace(scale=1.0 * u.mV), unit=u.mV)
    with pytest.raises(u.UnitMismatchError, match="needs a scale"):
        gradient_flow(layer, inputs, surrogates=["QPseudoSpike"], target=None)


def test_the_growth_of_one_step_is_the_analytic_one():
    # E|delta_{t-1}|^2 / E|delta_t|^2 = E[d^2] + s^2 E[G^2] for an adjoint that does not depend on
    # the slopes; the projection of the last membranes is such a one.
    n, batch, steps, leak, gain = 256, 16, 4, 0.9, 1.2
    spike = QPseudoSpike(2.0)

    class Membranes(Layer):
        def update(self, x):
            spikes = self.spk_fun(self.V.value - 1)
            self.V.value = leak * (self.V.value - spikes) + spikes @ self.weights.value + x
            return self.V.value

    def measured_and_predicted(seed):
        first, second = jax.random.split(jax.random.key(seed))
        weights = np.asarray(jax.random.normal(first, (n, n)) * gain / np.sqrt(n))
        inputs = np.asarray(0.5 * jax.random.normal(second, (steps, batch, n)) + 0.1)
        layer = Membranes(jnp.asarray(weights), spike, shape=(batch, n))
        (population,) = only(gradient_flow(layer, inputs, draws=32, target=None)).populations
        V = np.zeros((batch, n))
        for x in inputs[:-1]:
            spikes = (V >= 1) * 1.0
            V = leak * (V - spikes) + spikes @ weights + x
        G = (1 + 2 * np.abs(V - 1) / 3) ** -2.0
        d = leak * (1 - G)
        predicted = np.mean(d**2) + np.sum(weights**2) / n * np.mean(G**2)
        return population.second_moments[1] / population.second_moments[0], predicted

    measured, predicted = np.mean([measured_and_predicted(seed) for seed in range(4)], axis=0)
    assert measured == pytest.approx(predicted, rel=0.01)


def test_what_the_forward_pass_says_does_not_depend_on_the_surrogate():
    weights, inputs = weights_and_inputs()
    flows = gradient_flow(
        Layer(weights, SURROGATE), inputs, surrogates={"a": "Sigmoid", "b": SURROGATE}, target=None
    )
    V, spikes = np.zeros((BATCH, N)), []
    for x in inputs:
        z = (V >= 1) * 1.0
        V = LEAK * (V - z) + z @ np.asarray(weights) + np.asarray(x)
        spikes.append(V >= 1)
    rates = np.mean(spikes, axis=(0, 1))
    for flow in flows.values():
        (population,) = flow.populations
        assert population.firing_rate == pytest.approx(rates.mean())
        assert population.silent_share == np.mean(rates == 0)
        assert population.size == N
    assert list(flows) == ["a", "b"]
    assert flows["b"].surrogate is SURROGATE


def test_the_histogram_is_of_distances_in_multiples_of_the_scale():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    histogram = only(gradient_flow(layer, inputs, target=None)).populations[0].distances
    assert histogram.share.sum() + histogram.outside == pytest.approx(1)
    assert histogram.outside <= 0.02
    centres = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    expected = (1 + 2 * np.abs(centres) / (ALPHA + 1)) ** -ALPHA
    np.testing.assert_allclose(histogram.slope, expected, rtol=1e-5)


def test_projections_are_not_drawn_like_the_weights_of_the_same_seed():
    inputs = jnp.zeros((2, BATCH, N))
    run = forward(trace(Layer(jnp.eye(N), SURROGATE), inputs), inputs)
    (drawn,) = projections(run, 100, 0)
    for key in (jax.random.key(0), *jax.random.split(jax.random.key(0))):
        same_bits = jax.random.normal(key, drawn.shape)
        assert abs(np.corrcoef(np.ravel(drawn), np.ravel(same_bits))[0, 1]) < 0.1


def test_flat_share_counts_slopes_below_one_percent_of_the_peak():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, QPseudoSpike(float("inf"), scale=0.2))
    (population,) = only(gradient_flow(layer, inputs, target=None)).populations
    V, distances = np.zeros((BATCH, N)), []
    for x in inputs:
        z = (V >= 1) * 1.0
        V = LEAK * (V - z) + z @ np.asarray(weights) + np.asarray(x)
        distances.append(np.abs(V - 1) / 0.2)
    # exp(-2 x) < 0.01
    assert population.flat_share == np.mean(np.array(distances) > np.log(100) / 2)
    assert 0.1 < population.flat_share < 0.9


class TwoLayers(brainstate.nn.Module):
    """A recurrent layer below a feed-forward one, in a list, and a parameter that nothing uses."""

    def __init__(self, weights):
        super().__init__()
        self.layers = [Layer(weights, SURROGATE), Layer(0 * weights, SURROGATE)]
        self.readout = brainstate.ParamState(jnp.ones((N, 2)))
        self.spare = brainstate.ParamState(jnp.ones((N, N)))

    def update(self, x):
        for layer in self.layers:
            x = layer(x)
        return x @ self.readout.value


def test_populations_are_named_by_their_place():
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(TwoLayers(weights), inputs, target=None))
    assert [population.name for population in flow.populations] == ["layers.0", "layers.1"]
    growths = [population.growth for population in flow.populations]
    assert flow.growth == pytest.approx(np.sqrt(np.prod(growths)))


def test_parameters_that_do_not_move_are_counted():
    weights, inputs = weights_and_inputs()
    inputs = inputs.at[..., 0].set(-20.0)  # one neuron of the first layer never fires
    weights = weights.at[:, 0].set(0.0)
    flow = only(gradient_flow(TwoLayers(weights), inputs, target=None))
    # By hand: the silent neuron's row in the first layer; that of the second is filled by its own.
    second = np.zeros(N)
    states = [np.zeros((BATCH, N)), np.zeros((BATCH, N))]
    for x in np.asarray(inputs):
        for k, w in enumerate((np.asarray(weights), 0)):
            z = (states[k] >= 1) * 1.0
            states[k] = LEAK * (states[k] - z) + (z @ w if k == 0 else 0) + x
            before, x = z, (states[k] >= 1) * 1.0
        second = np.maximum(second, before.max(axis=0))
    silent_at_the_end = int(np.sum(states[1].max(axis=0) < 1))
    zero = N + int(np.sum(second == 0)) * N + 2 * silent_at_the_end + N * N
    assert flow.zero_parameter_share == pytest.approx(zero / (3 * N * N + 2 * N))


class Fresh(Layer):
    """States come with init_state."""

    def __init__(self, weights, spike):
        super().__init__(weights, spike)
        del self.V

    def init_state(self, batch_size=None):
        shape = (N,) if batch_size is None else (batch_size, N)
        self.V = brainstate.HiddenState(jnp.zeros(shape))


@pytest.mark.parametrize("batched", [True, False])
def test_missing_states_are_initialised_for_the_inputs_and_taken_away(batched):
    weights, inputs = weights_and_inputs()
    model = Fresh(weights, SURROGATE)
    (population,) = only(
        gradient_flow(model, inputs if batched else inputs[:, 0], target=None)
    ).populations
    assert population.size == N
    assert not hasattr(model, "V")


def test_the_model_is_left_as_it_was():
    weights, inputs = weights_and_inputs()
    model = Layer(weights, SURROGATE)
    before = model.V.value
    gradient_flow(model, inputs, surrogates=["Sigmoid"], target=None)
    assert model.V.value is before
    assert model.spk_fun is SURROGATE


def test_the_model_is_left_as_it_was_after_an_error():
    class Broken(Layer):
        def update(self, x):
            super().update(x)
            raise RuntimeError("broken")

    weights, inputs = weights_and_inputs()
    model = Broken(weights, SURROGATE)
    before = model.V.value
    with pytest.raises(RuntimeError, match="broken"):
        gradient_flow(model, inputs)
    assert model.V.value is before
    assert model.spk_fun is SURROGATE


def test_a_model_without_neurons_is_refused():
    model = brainstate.nn.Linear(N, 2)
    with pytest.raises(ValueError, match=r"state V .*spk_fun.*Linear has 0 nodes"):
        gradient_flow(model, jnp.ones((STEPS, N)))


def test_spikes_in_an_inner_loop_are_refused():
    class Substeps(Layer):
        def update(self, x):
            return brainstate.transform.for_loop(lambda _: Layer.update(self, x), np.arange(2))[-1]

    weights, inputs = weights_and_inputs()
    with pytest.raises(ValueError, match="Substeps spike inside a loop"):
        gradient_flow(Substeps(weights, SURROGATE), inputs)


def test_spikes_of_a_membrane_that_stands_still_are_refused():
    class Still(Layer):
        def update(self, x):
            return self.spk_fun(self.V.value + x)

    weights, inputs = weights_and_inputs()
    with pytest.raises(ValueError, match="Still spike without a change of V"):
        gradient_flow(Still(weights, SURROGATE), inputs)


def test_states_that_change_their_shape_are_refused():
    weights, inputs = weights_and_inputs()
    with pytest.raises(ValueError, match=r"V of shape \(6,\).*init_all_states"):
        gradient_flow(Layer(weights, SURROGATE, shape=(N,)), inputs)


def test_a_loss_that_is_not_a_scalar_is_refused():
    weights, inputs = weights_and_inputs()
    with pytest.raises(ValueError, match=r"must return a scalar, got shape \(12, 3, 6\)"):
        gradient_flow(Layer(weights, SURROGATE), inputs, loss=lambda outputs: outputs)


def test_noise_in_the_model_is_the_same_in_both_passes():
    class Noisy(Layer):
        def update(self, x):
            return super().update(x + brainstate.random.randn(*x.shape))

    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Noisy(weights, SURROGATE), inputs, target=None))
    assert np.all(flow.populations[0].second_moments > 0)


def test_an_adjustment_brings_the_growth_to_its_target():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    target = only(gradient_flow(layer, inputs, target=None)).growth * 1.1
    adjustments = only(gradient_flow(layer, inputs, target=target)).adjustments
    assert [a.parameter for a in adjustments] == ["scale", "dampening", "alpha"]
    attained = [a for a in adjustments if a.factor is not None]
    assert attained
    for a in attained:
        flow = only(gradient_flow(layer, inputs, surrogates=[a.surrogate], target=None))
        assert flow.growth == pytest.approx(target, rel=2e-3)
        assert flow.growth == pytest.approx(a.growth, rel=1e-4)
        assert a.attainable[0] <= target <= a.attainable[1]


@pytest.mark.parametrize("kind", ["per neuron", "State"])
def test_parameters_may_be_arrays_or_states(kind):
    weights, inputs = weights_and_inputs()
    alpha = {
        "per neuron": np.full(N, ALPHA),
        "State": brainstate.ShortTermState(jnp.asarray(ALPHA)),
    }[kind]
    layer = Layer(weights, QPseudoSpike(alpha, scale=np.full(N, SCALE)))
    flow = only(gradient_flow(layer, inputs, loss=last_step))
    (population,) = flow.populations
    np.testing.assert_allclose(
        population.second_moments, moments_by_hand(run_by_hand, last_step), rtol=1e-11
    )
    plain = only(gradient_flow(Layer(weights, SURROGATE), inputs, loss=last_step))
    assert population.flat_share == plain.populations[0].flat_share
    for ours, theirs in zip(flow.adjustments, plain.adjustments, strict=True):
        assert ours.attainable == pytest.approx(theirs.attainable)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_the_models_own_dtype_is_kept(dtype):
    weights, inputs = weights_and_inputs()
    layer = Layer(weights.astype(dtype), SURROGATE)
    layer.V.value = layer.V.value.astype(dtype)
    flow = only(gradient_flow(layer, inputs.astype(dtype), loss=last_step, target=None))
    np.testing.assert_allclose(
        flow.populations[0].second_moments[:3],
        moments_by_hand(run_by_hand, last_step)[:3],
        rtol=0.2 if dtype == "bfloat16" else 0.02,
    )


def test_a_target_out_of_range_is_said_to_be():
    # Without recurrence or reset the membrane's own leak is the growth, whatever the surrogate.
    class Leaky(Layer):
        def update(self, x):
            self.V.value = LEAK * self.V.value + x
            return self.spk_fun(self.V.value - 1)

    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Leaky(weights, SURROGATE), inputs))
    assert flow.growth == pytest.approx(LEAK)
    for a in flow.adjustments:
        assert a.factor is None
        assert a.attainable == pytest.approx((LEAK, LEAK))
    assert any("No scale" in sentence and "0.800 and 0.800" in sentence for sentence in flow.advice)


def test_records_turn_into_json():
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Layer(weights, SURROGATE), inputs))
    assert isinstance(flow, GradientFlow)
    data = json.loads(json.dumps(flow.to_dict(), allow_nan=False))
    assert data["surrogate"] == "QPseudoSpike(alpha=1.5, scale=0.7)"
    assert len(data["populations"][0]["second_moments"]) == STEPS
    assert data["growth"] == pytest.approx(flow.growth)
    assert "Layer" in repr(flow)
    assert "growth" in repr(flow)
