"""States of every make, and inputs that fit them or do not."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from flow_networks import BATCH, SURROGATE, Layer, N, only, weights_and_inputs

from braintools_qps import gradient_flow, normalize_rates, normalize_surrogate, prepare


class Spread(brainstate.nn.Module):
    """A layer whose membranes are made with a batch, and one whose caller is to batch them."""

    def __init__(self, weights):
        super().__init__()
        self.batched, self.alone = (Layer(weights, SURROGATE) for _ in range(2))
        del self.batched.V, self.alone.V
        self.batched.init_state = self._batched
        self.alone.init_state = self._alone

    def _batched(self, batch_size):
        self.batched.V = brainstate.HiddenState(jnp.zeros((batch_size, N)))

    def _alone(self):
        self.alone.V = brainstate.HiddenState(jnp.zeros(N))

    def update(self, x):
        return self.batched(x) + self.alone(x)


def test_states_with_and_without_a_batch_in_one_model():
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(Spread(weights), inputs))
    assert [(p.name, p.size) for p in flow.populations] == [("batched", N), ("alone", N)]


def test_membranes_of_one_sample_are_not_taken_for_a_batch():
    """As many neurons as steps: they are repeated for the batch."""
    weights, inputs = weights_and_inputs()
    alone, batched = (
        only(gradient_flow(Layer(weights, SURROGATE, shape=shape), inputs[:N]))
        for shape in ((N,), (BATCH, N))
    )
    assert alone.populations == batched.populations


class Image(brainstate.nn.Module):
    """Neurons on a grid, whose membranes have several axes without a batch."""

    def __init__(self, *size):
        super().__init__()
        self.neuron = brainpy.state.LIF(size, spk_fun=SURROGATE)

    def update(self, x):
        return self.neuron(5 * x * u.mA)


@pytest.mark.parametrize("size", [(N,), (4, 4), (BATCH, 4)])
@pytest.mark.parametrize("held", [None, 9])
def test_states_of_another_batch_are_initialised_for_the_inputs(size, held):
    """As after a test on more samples than there are here."""
    model, inputs = Image(*size), jax.random.uniform(jax.random.key(0), (12, BATCH, *size))
    with brainstate.environ.context(dt=1 * u.ms):
        brainstate.nn.init_all_states(model, BATCH)
        right = only(gradient_flow(model, inputs))
        brainstate.nn.init_all_states(model, held)
        flow = only(gradient_flow(model, inputs))
    assert flow.populations == right.populations
    assert model.neuron.V.value.shape == (*([held] if held else []), *size)


def test_rates_and_surrogates_are_normalised_after_a_test_on_more_samples():
    class Layer(Image):
        def __init__(self):
            super().__init__(N)
            self.linear = brainstate.nn.Linear(N, N)

        def update(self, x):
            return super().update(self.linear(x))

    model, inputs = Layer(), jax.random.uniform(jax.random.key(0), (12, BATCH, N))
    with brainstate.environ.context(dt=1 * u.ms):
        brainstate.nn.init_all_states(model, 9)
        assert normalize_rates(model, inputs).populations[0].after == pytest.approx(0.1, abs=0.02)
        assert normalize_surrogate(model, inputs)
        assert prepare(model, inputs).after.cause == "none"
