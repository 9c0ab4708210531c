"""One cause first: small networks that have it, the population that has it first, and the cure."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Surrogate
from flow_networks import only

from braintools_qps import QPseudoSpike, gradient_flow, normalize_surrogate, set_surrogate
from braintools_qps.records import CAUSES

STEPS, BATCH, N = 20, 3, 8
LOW = QPseudoSpike(2.0, dampening=0.2)


class Layer(brainstate.nn.Module):
    """Leaky membranes behind weights that are all the same."""

    def __init__(self, weight, spike=LOW, leak=0.9):
        super().__init__()
        self.weights = brainstate.ParamState(weight * jnp.eye(N))
        self.spk_fun, self.leak = spike, leak
        self.V = brainstate.HiddenState(jnp.zeros((BATCH, N)))

    def update(self, x):
        fired = self.spk_fun(self.V.value - 1)
        self.V.value = self.leak * (self.V.value - jax.lax.stop_gradient(fired))
        self.V.value += x @ self.weights.value
        return self.spk_fun(self.V.value - 1)


class Stack(brainstate.nn.Module):
    """Layers, one behind the other, and a readout."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)
        self.out = brainstate.ParamState(jnp.ones((N, 2)))

    def update(self, x):
        for layer in self.layers:
            x = layer(x)
        return x @ self.out.value


def inputs(steps=STEPS):
    return jax.random.uniform(jax.random.key(0), (steps, BATCH, N))


def first_line(*layers, steps=STEPS, **options):
    """The diagnosis, and that it is what is printed first."""
    flows = gradient_flow(Stack(*layers), inputs(steps), **options)
    found = only(flows).diagnosis
    assert repr(flows).splitlines()[0] == str(found)
    assert found.cause in CAUSES
    return found


def test_a_network_that_fires_with_a_low_surrogate_has_no_cause():
    found = first_line(Layer(1.0), Layer(1.0))
    assert (found.cause, found.population, found.remedy) == ("none", None, None)
    assert found.text.startswith("Nothing here keeps this network from learning: ")
    assert found.text.endswith("Choose a surrogate by training: compare(...).")


def test_the_first_silent_population_is_named_and_those_behind_it_are_consequences():
    layers = [Layer(1.0), Layer(0.05), *(Layer(1.0) for _ in range(9))]
    found = first_line(*layers)
    assert (found.cause, found.population) == ("silent", "layers.1")
    assert "so layers.2 to layers.10 (9 populations) behind it never fire at all" in found.text
    factor = float(found.remedy.split("multiply its input weights by ")[1].split(":")[0])
    layers[1].weights.value = factor * layers[1].weights.value
    after = only(gradient_flow(Stack(*layers), inputs())).populations[1]
    assert after.activity.firing_rate == pytest.approx(0.1, abs=0.02)
    assert "normalize_rates(model, inputs)" in found.remedy
    assert found.remedy.endswith("Then run gradient_flow again.")


def test_sentences_on_what_is_behind_a_silent_population_are_kept_but_not_shown():
    flow = only(gradient_flow(Stack(Layer(1.0), Layer(0.05), Layer(1.0)), inputs()))
    assert all("layers.1" not in line and "layers.2" not in line for line in flow.further)
    assert len(flow.further) <= 5
    assert flow.advice[0] == str(flow.diagnosis)
    assert any("get no gradient" in line for line in flow.advice)


def test_a_silent_population_whose_input_is_zero_is_not_told_to_have_larger_weights():
    found = only(gradient_flow(Stack(Layer(1.0)), 0 * inputs())).diagnosis
    assert (found.cause, found.population, found.remedy) == ("silent", "layers.0", None)


def test_a_saturated_population():
    always = first_line(Layer(40.0), Layer(1.0))
    assert (always.cause, always.population) == ("saturated", "layers.0")
    assert "same sign: subtract the mean" in always.remedy


def test_a_population_that_the_output_does_not_depend_on():
    class Cut(Layer):
        def update(self, x):
            return jax.lax.stop_gradient(super().update(x))

    found = first_line(Layer(1.0), Cut(1.0), Layer(1.0))
    assert (found.cause, found.population) == ("disconnected", "layers.1")
    assert "nor on the populations before it (layers.0)" in found.text
    assert "stop_gradient" in found.remedy


class NaN(Surrogate):
    """A surrogate whose derivative is NaN below the threshold, its forward pass fine."""

    def surrogate_fun(self, x):
        return 0.0 * x

    def surrogate_grad(self, x):
        return jnp.where(x < 0, jnp.nan, 0.1)


def test_a_surrogate_that_is_nan_is_named_with_its_population():
    found = first_line(Layer(1.0), Layer(1.0, spike=NaN()), Layer(1.0))
    assert (found.cause, found.population) == ("not finite", "layers.1")
    assert "check_surrogate" in found.remedy


def test_a_membrane_that_diverges_is_named_with_the_step_at_which_it_does():
    class Runaway(Layer):
        def update(self, x):
            self.V.value = jnp.where(jnp.max(self.V.value) > 100, jnp.inf, self.V.value * 4 + 1)
            return self.spk_fun(self.V.value - 1)

    # By hand: 1, 5, 21, 85, 341 and then infinity, at the sixth step.
    found = first_line(Layer(1.0), Runaway(1.0))
    assert (found.cause, found.population) == ("not finite", "layers.1")
    assert "at step 5" in found.text
    assert "It grows 4.4 times per step" in found.remedy  # (85 / 1)**(1 / 3)


def test_a_membrane_that_is_nan_at_once_is_not_said_to_grow():
    class Root(Layer):
        def update(self, x):
            return super().update(jnp.sqrt(x - 0.999))

    found = first_line(Root(1.0))
    assert found.text.startswith("layers.0 is not finite: ")
    assert "Look in its update for a division by 0" in found.remedy


def test_weights_that_are_nan_are_blamed():
    found = first_line(Layer(1.0), Layer(jnp.nan))
    assert (found.cause, found.population) == ("not finite", "layers.1")
    assert found.remedy.startswith("Its input weights are NaN: go back to a checkpoint")


def test_inputs_that_are_nan_are_blamed_and_not_the_model():
    bad = inputs().at[3].set(jnp.nan)
    found = only(gradient_flow(Stack(Layer(1.0)), bad)).diagnosis
    assert found.cause == "not finite"
    assert "inputs" in found.text
    assert "at step 3" in found.text


def test_too_high_a_surrogate_comes_down_by_what_is_said():
    model = Stack(Layer(1.0, QPseudoSpike(2.0)), Layer(1.0, QPseudoSpike(2.0)))
    flow = only(gradient_flow(model, inputs()))
    assert (flow.diagnosis.cause, flow.diagnosis.population) == ("too high", "layers.0")
    factor = float(flow.diagnosis.remedy.split("dampening by ")[1].split(". ")[0])
    assert factor == pytest.approx(0.1 / flow.populations[0].slopes.mean, rel=0.05)
    set_surrogate(model, normalize_surrogate(model, inputs()))
    assert only(gradient_flow(model, inputs())).diagnosis.cause == "none"


def test_a_dampening_is_proposed_where_neurons_are_silent_too():
    """Membranes that stay at 0, one below the threshold: the slope there is 2 (1 + 2/3)**-2."""
    high = QPseudoSpike(2.0, dampening=2.0)
    flow = only(gradient_flow(Stack(Layer(1.0), Layer(0.0001, high)), inputs()))
    assert (flow.diagnosis.cause, flow.diagnosis.population) == ("silent", "layers.1")
    (sentence,) = (line for line in flow.further if "normalize_surrogate(" in line)
    assert "too high in layers.1: its mean slope is 0.72" in sentence
    assert "here it multiplies the dampening by 0.14" in sentence


@pytest.mark.parametrize(("alpha", "said"), [(0.5, True), (2.0, False)])
def test_below_what_is_too_high_only_a_fat_tail_gets_a_sentence(alpha, said):
    spike = QPseudoSpike(alpha)
    mean = only(gradient_flow(Stack(Layer(1.0, spike)), inputs())).mean_slope
    low = Layer(1.0, spike.replace(dampening=0.15 / mean))
    flow = only(gradient_flow(Stack(low), inputs()))
    assert flow.diagnosis.cause == "none"
    assert any("with such a fat tail 0.1 is better" in line for line in flow.further) is said


def test_a_surrogate_that_the_membranes_do_not_reach():
    """exp(-2|x|) at a scale of 0.02 is nothing at the distances of a membrane."""
    found = first_line(Layer(1.0), Layer(1.3, QPseudoSpike(np.inf, scale=0.02, dampening=0.02)))
    assert (found.cause, found.population) == ("out of reach", "layers.1")
    assert "a scale" in found.remedy
    assert "fatter tail" in found.remedy


class Bounded(Layer):
    """A forward pass without memory; the gradient of its membranes has one."""

    def update(self, x):
        kept = self.V.value
        self.V.value = self.leak * (kept - jax.lax.stop_gradient(kept)) + x
        return self.spk_fun(self.V.value - 0.7)


def test_a_gradient_that_grows_over_time_by_more_than_a_million():
    found = first_line(Bounded(1.0, leak=2.2))
    assert (found.cause, found.population) == ("exploding", "layers.0")
    assert f"{2.2**19:.1g} times as large" in found.text


def test_a_gradient_that_fades_before_it_reaches_inputs_that_come_only_early():
    """Half a gradient per step: less than 1% is left after 7 of them, as 2**-7 is."""
    found = first_line(Bounded(1.0, leak=0.5))
    assert (found.cause, found.population) == ("fading", "layers.0")
    assert "7 steps before the end it is down to 1%" in found.text
    assert "the first 13 steps" in found.text


def test_a_gradient_that_fades_where_all_steps_show_the_same_is_no_cause():
    shown = jnp.broadcast_to(inputs()[0], (STEPS, BATCH, N))
    assert only(gradient_flow(Stack(Bounded(1.0, leak=0.5)), shown)).diagnosis.cause == "none"


def test_a_gradient_that_fades_is_no_cause_for_an_objective_on_all_steps():
    every = {"objective": lambda outputs: jnp.sum(outputs**2)}
    assert first_line(Bounded(1.0, leak=0.5), **every).cause == "none"


def test_what_no_candidate_changes_is_said_once_for_all():
    flows = gradient_flow(
        Stack(Layer(1.0), Layer(0.01)), inputs(), surrogates=["Sigmoid", "QPseudoSpike"]
    )
    lines = repr(flows).splitlines()
    assert lines[0].startswith("layers.1 is silent: ")
    assert sum("is silent" in line for line in lines) == 1
    assert "layers.1 is silent" in flows._repr_html_().partition("<table>")[0]


def test_candidates_that_differ_are_told_apart_and_those_that_do_not_share_a_line():
    found = {"low": LOW, "lower": QPseudoSpike(dampening=0.1), "high": QPseudoSpike(dampening=4.0)}
    lines = repr(gradient_flow(Stack(Layer(1.0)), inputs(), surrogates=found)).splitlines()
    assert lines[0].startswith(("low: Nothing here keeps", "lower: Nothing here keeps"))
    assert lines[0].endswith(("The same with lower.", "The same with low."))
    assert lines[1].startswith("high: The surrogate is too high in layers.0")


def test_numbers_have_what_is_bad_about_them_beside_them():
    rows = repr(gradient_flow(Stack(Layer(1.0), Layer(0.05)), inputs())).splitlines()
    assert " ok " in next(row for row in rows if row.startswith("layers.0 "))
    assert " silent " in next(row for row in rows if row.startswith("layers.1 (Layer)"))
