"""gradient_flow on the models that people have, and what it says where it cannot run."""

import brainpy
import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import BATCH, SURROGATE, Layer, N, only, weights_and_inputs

from braintools_qps import gradient_flow, normalize_surrogate


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
    assert flow.advice[0].startswith("State lif.V held a value from inside a function that JAX")
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
    flow = only(gradient_flow(model, inputs))
    assert flow.advice[0].startswith("State population.module.V held a value from inside")
    assert flow.growth == expected


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


@pytest.mark.parametrize("wrapped", [True, False])
def test_classic_neurons_are_told_their_counterparts(wrapped):
    class Wrapper(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.neurons = brainpy.dyn.Lif(4)

    model = Wrapper() if wrapped else brainpy.dyn.Lif(4)
    with pytest.raises(ValueError, match=r"Lif is one of brainpy's classic .*brainpy\.state\.LIF"):
        gradient_flow(model, jnp.ones((3, 2, 4)))


def test_spikes_at_the_top_level_and_in_a_loop_are_refused():
    """The loop's calls would keep the model's surrogate in place of the candidate's."""

    class Both(Layer):
        def update(self, x):
            extra = brainstate.transform.for_loop(
                lambda _: self.spk_fun(self.V.value - 1), np.arange(2)
            )
            return super().update(x + 0.1 * extra[-1])

    weights, inputs = weights_and_inputs()
    with pytest.raises(ValueError, match="Both spike inside a loop within the step"):
        gradient_flow(Both(weights, SURROGATE), inputs)


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


@pytest.mark.thorough
def test_axes_that_seem_swapped_are_said():
    weights, inputs = weights_and_inputs()
    model = Layer(weights, SURROGATE)
    with pytest.raises(ValueError, match=r"got 3 time .*V has the shape \(3, 6\).*swapaxes"):
        gradient_flow(model, jnp.swapaxes(inputs, 0, 1))
    # 20 slow waves of 40 steps with a phase each, given as (batch, time, features).
    phases = jax.random.uniform(jax.random.key(0), (20, 1, N), maxval=6.28)
    waves = jnp.sin(jnp.arange(40.0)[None, :, None] / 5 + phases)

    def said(x):
        flows = gradient_flow(Lif(), x, surrogates=["QPseudoSpike", "Sigmoid"])
        counts = [repr(shown).count("if they are (batch, time, features)")
                  for shown in (flows, *flows.values())]  # fmt: skip
        assert len(set(counts)) == 1
        return counts[0] == 1

    assert said(waves)
    assert not said(jnp.swapaxes(waves, 0, 1))


@pytest.mark.parametrize("draws", [0, -1, 1.5, True])
def test_a_number_of_draws_that_is_none_is_refused(draws):
    with pytest.raises(
        ValueError, match=f"draws must be an integer from 1 to 1,000,000, got {draws}"
    ):
        gradient_flow(Lif(), weights_and_inputs()[1], draws=draws)


@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        (1.0, r"\(\)"),
        (jnp.ones((0, BATCH, N)), r"\(0, 3, 6\)"),
        ([jnp.ones((4, N)), 1.0], r"\(4, 6\), \(\)"),
        ([], "nothing"),
    ],
)
def test_inputs_without_a_time_step_are_refused(inputs, shapes):
    with pytest.raises(ValueError, match=f"with one time step or more, got {shapes}"):
        gradient_flow(Lif(), inputs)


def test_a_batch_without_a_sample_is_refused():
    with pytest.raises(ValueError, match=r"one sample .* or more .*, got \(4, 0, 6\)"):
        gradient_flow(Lif(), jnp.ones((4, 0, N)))


def test_strict_promotion():
    weights, inputs = weights_and_inputs()
    with jax.numpy_dtype_promotion("strict"):
        flow = only(gradient_flow(Layer(weights, SURROGATE), inputs))
    assert flow.growth > 0


def test_an_objective_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="objective must be a function .*, got 'mse'. For example"):
        gradient_flow(Lif(), weights_and_inputs()[1], objective="mse")


@pytest.mark.parametrize("measure", [gradient_flow, normalize_surrogate])
def test_a_list_of_numbers_is_not_taken_for_an_array(measure):
    with pytest.raises(ValueError, match=r"\(\), \(\), \(\) and 69 more. A list .*jax.numpy.asarr"):
        measure(Lif(), np.ones((4, 3, N)).tolist())


def test_parts_of_the_inputs_have_the_same_steps():
    with pytest.raises(ValueError, match=r"same number of time steps .*, got \(4, 6\), \(5, 6\)"):
        gradient_flow(Lif(), {"one": jnp.ones((4, N)), "other": jnp.ones((5, N))})
