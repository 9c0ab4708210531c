"""One cause first: small networks that have it, the population that has it first, and the cure."""

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate
from flow_networks import only
from small_stacks import BATCH, LOW, STEPS, Layer, N, Stack, Triangle, inputs

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps.records import CAUSES


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
    assert found.text.startswith("No cause found: rates (")
    assert "are in range; labels, learning rate and optimizer are not looked at." in found.text


class NaN(Surrogate):
    """A surrogate whose derivative is NaN below the threshold, its forward pass fine."""

    def surrogate_fun(self, x):
        return 0.0 * x

    def surrogate_grad(self, x):
        return jnp.where(x < 0, jnp.nan, 0.1)


def test_a_surrogate_that_is_nan_is_named_with_its_population():
    found = first_line(Layer(1.0), Layer(1.0, spike=NaN()), Layer(1.0))
    assert (found.cause, found.population) == ("not finite", "layers.1")
    assert "set_surrogate(model, {'layers.1': 'QPseudoSpike(" in found.code


def test_a_membrane_that_diverges_is_named_with_the_step_at_which_it_does():
    class Runaway(Layer):
        def update(self, x):
            self.V.value = jnp.where(jnp.max(self.V.value) > 100, jnp.inf, self.V.value * 4 + 1)
            return self.spk_fun(self.V.value - 1)

    # By hand: 1, 5, 21, 85, 341 and then infinity, at the sixth step.
    found = first_line(Layer(1.0), Runaway(1.0))
    assert (found.cause, found.population) == ("not finite", "layers.1")
    assert "at step 5" in found.text
    assert "It grows 4.3 times per step" in found.remedy  # (341 / 1)**(1 / 4)


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


class Bounded(Layer):
    """A forward pass without memory; the gradient of its membranes has one."""

    def update(self, x):
        kept = self.V.value
        self.V.value = self.leak * (kept - jax.lax.stop_gradient(kept)) + x
        return self.spk_fun(self.V.value - 0.7)


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
    found = {"low": LOW, "lower": QPseudoSpike(dampening=0.1), "wrong": Triangle()}
    lines = repr(gradient_flow(Stack(Layer(1.0)), inputs(), surrogates=found)).splitlines()
    assert sum(line.endswith(("The same with lower.", "The same with low.")) for line in lines) == 1
    assert any(line.startswith("wrong: The surrogate gradient of layers.0") for line in lines)


def test_numbers_have_what_is_bad_about_them_beside_them():
    rows = repr(gradient_flow(Stack(Layer(1.0), Layer(0.05)), inputs())).splitlines()
    assert " ok " in next(row for row in rows if row.startswith("layers.0 "))
    assert " silent " in next(row for row in rows if row.startswith("layers.1 (Layer)"))
