"""gradient_flow on models of every make, and the models that it refuses."""

import json

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import (
    ALPHA,
    BATCH,
    LEAK,
    SCALE,
    STEPS,
    SURROGATE,
    Layer,
    N,
    last_step,
    moments_by_hand,
    only,
    run_by_hand,
    weights_and_inputs,
)
from helpers import FLOAT16

from braintools_qps import GradientFlow, QPseudoSpike, gradient_flow


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


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
    flow = only(gradient_flow(TwoLayers(weights), inputs))
    assert [population.name for population in flow.populations] == ["layers.0", "layers.1"]
    growths = [population.gradient.growth for population in flow.populations]
    assert flow.growth == pytest.approx(np.sqrt(np.prod(growths)))


def test_parameters_that_do_not_move_are_counted():
    weights, inputs = weights_and_inputs()
    inputs = inputs.at[..., 0].set(-20.0)  # one neuron of the first layer never fires
    weights = weights.at[:, 0].set(0.0)
    flow = only(gradient_flow(TwoLayers(weights), inputs))
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
        self.batch_sizes = []  # that it was asked for

    def init_state(self, batch_size=None):
        self.batch_sizes.append(batch_size)
        shape = (N,) if batch_size is None else (batch_size, N)
        self.V = brainstate.HiddenState(jnp.zeros(shape))


@pytest.mark.parametrize("batched", [True, False])
def test_missing_states_are_initialised_for_the_inputs_and_taken_away(batched):
    weights, inputs = weights_and_inputs()
    model = Fresh(weights, SURROGATE)
    (population,) = only(gradient_flow(model, inputs if batched else inputs[:, 0])).populations
    assert population.size == N
    assert model.batch_sizes == [BATCH if batched else None]
    assert not hasattr(model, "V")


def test_the_model_is_left_as_it_was():
    weights, inputs = weights_and_inputs()
    model = Layer(weights, SURROGATE)
    before = model.V.value
    gradient_flow(model, inputs, surrogates=["Sigmoid"])
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


def test_parameters_that_are_whole_numbers_or_that_steps_change_are_not_counted():
    class Plastic(Layer):
        def __init__(self, weights):
            super().__init__(weights, SURROGATE)
            self.order = brainstate.ParamState(jnp.arange(N))

        def update(self, x):
            self.weights.value = 0.9 * self.weights.value
            return super().update(x[..., self.order.value])

    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Plastic(weights), inputs))
    assert np.isnan(flow.zero_parameter_share)
    assert not any("of the parameters" in sentence for sentence in flow.advice)


def test_noise_in_the_model_is_the_same_in_both_passes():
    class Noisy(Layer):
        def update(self, x):
            return super().update(x + brainstate.random.randn(*x.shape))

    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Noisy(weights, SURROGATE), inputs))
    assert np.all(flow.populations[0].gradient.second_moments > 0)


@pytest.mark.parametrize("kind", ["per neuron", "State"])
def test_parameters_may_be_arrays_or_states(kind):
    weights, inputs = weights_and_inputs()
    alpha = {
        "per neuron": np.full(N, ALPHA),
        "State": brainstate.ShortTermState(jnp.asarray(ALPHA)),
    }[kind]
    layer = Layer(weights, QPseudoSpike(alpha, scale=np.full(N, SCALE)))
    flow = only(gradient_flow(layer, inputs, objective=last_step))
    (population,) = flow.populations
    np.testing.assert_allclose(
        population.gradient.second_moments, moments_by_hand(run_by_hand, last_step), rtol=1e-11
    )
    plain = only(gradient_flow(Layer(weights, SURROGATE), inputs, objective=last_step))
    assert population.slopes.flat_share == plain.populations[0].slopes.flat_share


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["bfloat16", FLOAT16])
def test_the_models_own_dtype_is_kept(dtype):
    weights, inputs = weights_and_inputs()
    layer = Layer(weights.astype(dtype), SURROGATE)
    layer.V.value = layer.V.value.astype(dtype)
    flow = only(gradient_flow(layer, inputs.astype(dtype), objective=last_step))
    np.testing.assert_allclose(
        flow.populations[0].gradient.second_moments[:3],
        moments_by_hand(run_by_hand, last_step)[:3],
        rtol=0.2 if dtype == "bfloat16" else 0.02,
    )


class Leaky(Layer):
    """Without recurrence or reset its own leak is the growth, whatever the surrogate."""

    leaks = staticmethod(lambda V: LEAK * V)

    def update(self, x):
        self.V.value = self.leaks(self.V.value) + x
        return self.spk_fun(self.V.value - 1)


def test_a_single_neuron():
    weights, inputs = weights_and_inputs()
    neuron = Leaky(weights, QPseudoSpike(), shape=())
    (population,) = only(gradient_flow(neuron, inputs[:, 0, 0])).populations
    assert (population.size, population.slopes.scale) == (1, 1.0)
    assert population.gradient.growth == pytest.approx(LEAK)


def test_a_part_of_a_step_may_be_wrapped_and_hold_an_array():
    weights, inputs = weights_and_inputs()
    held = jnp.full(N, LEAK)
    layer = Leaky(weights, SURROGATE)
    layer.leaks = jax.jit(jax.checkpoint(lambda V: held * V))
    assert only(gradient_flow(layer, inputs)).growth == pytest.approx(LEAK)


def test_a_derivative_rule_before_the_first_spike_stays():
    @jax.custom_jvp
    def leaks(V):
        return LEAK * V

    leaks.defjvp(lambda primals, tangents: (leaks(*primals), 0.5 * tangents[0]))
    weights, inputs = weights_and_inputs()
    layer = Leaky(weights, SURROGATE)
    layer.leaks = leaks
    assert only(gradient_flow(layer, inputs)).growth == pytest.approx(0.5)


def test_records_turn_into_json():
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Layer(weights, SURROGATE), inputs))
    assert isinstance(flow, GradientFlow)
    assert GradientFlow.from_json(flow.to_json()) == flow
    data = json.loads(flow.to_json())
    assert data["surrogate"] == {"name": "QPseudoSpike", "alpha": 1.5, "scale": 0.7}
    assert len(data["populations"][0]["gradient"]["second_moments"]) == STEPS
    assert data["growth"] == pytest.approx(flow.growth)
    assert "Layer" in repr(flow)
    assert "growth" in repr(flow)


def test_populations_are_ordered_as_signals_reach_them():
    class Backwards(brainstate.nn.Module):
        """Eleven layers, each reading what the one before gave in the last step, the last first.

        By their names, the eleventh would be the third.
        """

        def __init__(self, weights):
            super().__init__()
            self.layers = [Layer(weights, SURROGATE) for _ in range(11)]

        def update(self, x):
            for before, layer in zip(self.layers[9::-1], self.layers[:0:-1]):
                layer(before.V.value)
            self.layers[0](x)
            return self.layers[10].V.value

    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Backwards(weights), inputs))
    assert [p.name for p in flow.populations] == [f"layers.{i}" for i in range(11)]
