"""gradient_flow on the models that people have, and what it says where it cannot run."""

import brainpy
import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from flow_networks import BATCH, SURROGATE, Layer, N, only, weights_and_inputs

from braintools_qps import gradient_flow, set_surrogate


@pytest.fixture(autouse=True)
def _time_step():
    with brainstate.environ.context(dt=1 * u.ms):
        yield


class Lif(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.lif = brainpy.state.LIF(N, spk_fun=SURROGATE)

    def update(self, x):
        return self.lif(5 * x * u.mA)


@pytest.mark.thorough
def test_states_from_a_compiled_loop_of_the_user_are_made_anew():
    model = Lif()
    _, inputs = weights_and_inputs()

    @jax.jit
    def loop(inputs):
        brainstate.nn.init_all_states(model, BATCH)
        for t in range(2):
            out = model(inputs[t])
        return out

    loop(inputs)
    flow = only(gradient_flow(model, inputs))
    assert flow.populations[0].size == N


class Alone(Layer):
    """States are made for one sample; the caller is to batch them."""

    def __init__(self, weights, spike):
        super().__init__(weights, spike)
        del self.V

    def init_state(self):
        self.V = brainstate.HiddenState(jnp.zeros(N))


def test_states_for_one_sample_are_repeated_for_the_batch():
    """Those that ``init_state`` makes without a batch, and those that the user has made."""
    weights, inputs = weights_and_inputs()
    fresh, made = (Alone(weights, SURROGATE) for _ in range(2))
    made.init_state()
    batched = only(gradient_flow(Layer(weights, SURROGATE), inputs))
    for alone in (fresh, made):
        np.testing.assert_allclose(
            only(gradient_flow(alone, inputs)).populations[0].gradient.second_moments,
            batched.populations[0].gradient.second_moments,
            rtol=1e-6,
        )
    assert made.V.value.shape == (N,)


class Mapped(brainstate.nn.Module):
    """A population under Vmap, which holds on to its states; the one above has none as yet."""

    def __init__(self):
        super().__init__()
        lif = brainpy.state.LIF(N, spk_fun=SURROGATE)
        brainstate.nn.vmap_init_all_states(lif, axis_size=BATCH, state_tag="new")
        self.population = brainstate.nn.Vmap(lif, vmap_states="new")

    def update(self, x):
        return self.population(5 * x * u.mA)


def one_above(lower):
    """The same with a population above it."""

    class Above(lower):
        def __init__(self):
            super().__init__()
            self.above = brainpy.state.LIF(N, spk_fun=SURROGATE)

        def update(self, x):
            return self.above(super().update(x) * 20 * u.mA)

    return Above()


@pytest.mark.thorough
def test_states_under_vmap_are_initialised_with_the_others():
    model, (_, inputs) = one_above(Mapped), weights_and_inputs()
    held = model.population.module.V.value
    found, expected = (only(gradient_flow(m, inputs)) for m in (model, one_above(Lif)))
    assert [p.name for p in found.populations] == ["population", "above"]
    for mine, other in zip(found.populations, expected.populations):
        np.testing.assert_allclose(
            mine.gradient.second_moments, other.gradient.second_moments, rtol=1e-5
        )
    assert model.population.module.V.value is held


def test_states_under_vmap_from_a_compiled_loop_are_made_anew():
    model, (_, inputs) = Mapped(), weights_and_inputs()
    expected = only(gradient_flow(model, inputs)).growth
    jax.jit(model)(inputs[0])
    assert only(gradient_flow(model, inputs)).growth == expected


class ByMap(Mapped):
    def __init__(self):
        brainstate.nn.Module.__init__(self)
        lif = brainpy.state.LIF(N, spk_fun=SURROGATE)
        self.population = brainstate.nn.Map(lif, init_map_size=BATCH)
        self.population.init_all_states()


@pytest.mark.parametrize("make", [Mapped, ByMap])
def test_populations_that_are_mapped_go_by_the_name_that_the_user_gave(make):
    _, inputs = weights_and_inputs()
    (mapped,) = only(gradient_flow(make(), inputs)).populations
    (plain,) = only(gradient_flow(Lif(), inputs)).populations
    assert (mapped.name, mapped.kind, mapped.size) == ("population", "LIF", N)
    np.testing.assert_allclose(
        mapped.gradient.second_moments, plain.gradient.second_moments, rtol=1e-5
    )


def test_initialising_leaves_the_users_random_state_alone():
    class Random(Layer):
        def __init__(self, weights, spike):
            super().__init__(weights, spike)
            del self.V

        def init_state(self, batch_size=None):
            self.V = brainstate.HiddenState(brainstate.random.rand(batch_size, N))

    weights, inputs = weights_and_inputs()
    brainstate.random.seed(3)
    expected = brainstate.random.rand()
    brainstate.random.seed(3)
    gradient_flow(Random(weights, SURROGATE), inputs)
    assert brainstate.random.rand() == expected


def test_strict_promotion():
    weights, inputs = weights_and_inputs()
    with jax.numpy_dtype_promotion("strict"):
        flow = only(gradient_flow(Layer(weights, SURROGATE), inputs))
    assert flow.growth > 0


class Named(brainstate.nn.Module):
    """LIF neurons with names of their own for the membrane potential and the spike function."""

    def __init__(self, membrane="V", spike="spk_fun"):
        super().__init__()
        self.membrane, self.spike = membrane, spike
        setattr(self, spike, SURROGATE)

    def init_state(self, batch_size):
        setattr(self, self.membrane, brainstate.HiddenState(jnp.zeros((batch_size, N))))

    def update(self, x):
        membrane = getattr(self, self.membrane)
        membrane.value = 0.9 * membrane.value + x
        return getattr(self, self.spike)(membrane.value - 1.0)


@pytest.mark.parametrize(
    "names",
    [{"membrane": "v"}, {"membrane": "potential"}, {"membrane": "mem", "spike": "spike_grad"}],
)
def test_neurons_may_have_the_names_of_other_libraries(names):
    inputs = jax.random.uniform(jax.random.key(0), (12, BATCH, N))
    usual, other = (only(gradient_flow(Named(**of), inputs)) for of in ({}, names))
    assert other.populations[0].activity == usual.populations[0].activity
    assert other.growth == usual.growth
    assert other.diagnosis == usual.diagnosis
    model = Named(**names)
    assert set_surrogate(model, "Sigmoid") == 1
    assert only(gradient_flow(model, inputs)).surrogate == Sigmoid()


def test_a_surrogate_under_another_name_is_named_in_the_error():
    with pytest.raises(ValueError, match="Here Named keeps a surrogate as act: call it spk_fun"):
        gradient_flow(Named(spike="act"), weights_and_inputs()[1])
