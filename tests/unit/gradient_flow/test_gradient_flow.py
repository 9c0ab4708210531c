"""What gradient_flow says beside the gradient, in float64, against what can be counted."""

from functools import cache

import brainstate
import brainunit as u
import comparison_models
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
    gradient_flow,
    only,
    weights_and_inputs,
)

from braintools_qps import (
    QPseudoSpike,
    load_task,
    normalize_rates,
    normalize_surrogate,
    save_memory,
)

pytestmark = pytest.mark.usefixtures("double_precision")


def measured(model=None, **options):
    weights, inputs = weights_and_inputs()
    return only(gradient_flow(model or Layer(weights, SURROGATE), inputs, **options))


usual = cache(measured)


def membranes_by_hand():
    weights, inputs = weights_and_inputs()
    V, history = np.zeros((BATCH, N)), []
    for x in np.asarray(inputs):
        z = (V >= 1) * 1.0
        V = LEAK * (V - z) + z @ np.asarray(weights) + x
        history.append(V)
    return np.array(history)


def test_the_record_as_plain_values_and_the_seed_is_0_by_default():
    flow = usual()
    assert measured(seed=0) == flow
    data = flow.to_dict()
    assert data["surrogate"] == {"name": "QPseudoSpike", "alpha": 1.5, "scale": 0.7}
    assert len(data["populations"][0]["gradient"]["second_moments"]) == STEPS
    assert all(word in repr(flow) for word in ("Layer", "growth"))


def test_what_the_forward_pass_says_does_not_depend_on_the_surrogate():
    weights, inputs = weights_and_inputs()
    candidates = {"a": "Sigmoid", "b": SURROGATE}
    flows = gradient_flow(Layer(weights, SURROGATE), inputs, surrogates=candidates)
    rates = np.mean(membranes_by_hand() >= 1, axis=(0, 1))
    for flow in flows.values():
        (population,) = flow.populations
        assert population.activity.firing_rate == pytest.approx(rates.mean())
        assert population.activity.silent_share == np.mean(rates == 0)
    assert list(flows) == ["a", "b"]
    assert flows["b"].surrogate is SURROGATE


def test_a_candidate_needs_no_scale_in_the_surrogate_that_the_model_has():
    weights, inputs = weights_and_inputs()
    in_volts = Layer(weights, QPseudoSpike(ALPHA), unit=u.mV)
    scaled = SURROGATE.replace(scale=SCALE * u.mV)
    (found,) = only(gradient_flow(in_volts, inputs, surrogates=scaled)).populations
    expected = usual().populations[0].gradient.second_moments
    np.testing.assert_allclose(found.gradient.second_moments, expected, rtol=1e-5)


def test_flat_share_counts_slopes_below_a_thousandth_of_the_peak():
    weights, _ = weights_and_inputs()
    exponential = QPseudoSpike(np.full(N, np.inf), scale=0.2)  # exp(-2 x) < 0.001
    flat = measured(Layer(weights, exponential)).populations[0].slopes.flat_share
    assert flat == np.mean(np.abs(membranes_by_hand() - 1) / 0.2 > np.log(1000) / 2)
    assert 0.1 < flat < 0.9


def test_parameters_that_are_whole_numbers_or_that_steps_change_are_not_trained():
    class Plastic(Layer):
        def __init__(self, weights):
            super().__init__(weights, SURROGATE)
            self.order = brainstate.ParamState(jnp.arange(N))

        def update(self, x):
            self.weights.value = 0.9 * self.weights.value
            return super().update(x[..., self.order.value])

    flow = measured(Plastic(weights_and_inputs()[0]))
    assert flow.trial is None
    assert "An optimizer trains no weight matrix" in flow.diagnosis.text


def test_populations_are_named_by_their_place_and_ordered_as_signals_reach_them():
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

    flow = measured(Backwards(weights_and_inputs()[0]))
    assert [p.name for p in flow.populations] == [f"layers.{i}" for i in range(11)]
    growths = [p.gradient.growth for p in flow.populations]
    assert flow.growth == pytest.approx(np.prod(growths) ** (1 / 11))


def test_noise_is_the_same_in_both_passes_and_leaves_the_users_random_state_alone():
    class Noisy(Layer):
        def init_state(self, batch_size=None):
            self.V = brainstate.HiddenState(brainstate.random.rand(batch_size, N))

        def update(self, x):
            return super().update(x + brainstate.random.randn(*x.shape))

    model = Noisy(weights_and_inputs()[0], SURROGATE)
    del model.V
    brainstate.random.seed(3)
    expected = brainstate.random.rand()
    brainstate.random.seed(3)
    assert np.all(measured(model).populations[0].gradient.second_moments > 0)
    assert brainstate.random.rand() == expected


def test_parts_of_the_inputs_may_have_features_of_their_own():
    class Shifted(Layer):
        def update(self, parts):
            return super().update(parts["shift"][:, None] + parts["current"])

    weights, inputs = weights_and_inputs()
    parts = {"current": inputs - 0.5, "shift": jnp.full((STEPS, BATCH), 0.5)}
    found = only(gradient_flow(Shifted(weights, SURROGATE), parts))
    assert found.populations[0].activity == usual().populations[0].activity
    assert found.features == N + 1


@pytest.mark.thorough
def test_a_task_is_its_batch_for_every_tool():
    data = np.random.default_rng(0).standard_normal((120, 6, 3)).astype(np.float32)
    task = load_task((data, np.arange(120) % 2))
    batch = data[task.split(0).train[:64]].swapaxes(0, 1)
    for tool in (gradient_flow, normalize_surrogate, normalize_rates, save_memory):
        printed = set()
        for inputs in (task, batch):
            with brainstate.random.seed_context(0):
                made = tool(comparison_models.plain(3, 2), inputs)
            printed.add(str(only(made).populations if tool is gradient_flow else made))
        assert len(printed) == 1
    model = comparison_models.plain(3, 2)
    flows = [gradient_flow(model, task, batch_first=first) for first in (False, True)]
    assert only(flows[0]).populations == only(flows[1]).populations
