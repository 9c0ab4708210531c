"""How much a gradient depends on the surrogate, on models whose derivative is known."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, gradient_sensitivity
from braintools_qps.records import GradientSensitivity


class Readout(brainstate.nn.Module):
    """above * spike(below) + beside: derivatives above * g'(below), spike, 1."""

    def __init__(self):
        super().__init__()
        self.spk_fun = QPseudoSpike(alpha=1.0)
        self.below, self.above, self.beside = (
            brainstate.ParamState(jnp.asarray(value)) for value in (0.5, 2.0, 1.0)
        )

    def update(self):
        return self.above.value * self.spk_fun(self.below.value) + self.beside.value

    def gradient(self, *names):
        return brainstate.transform.grad(
            self.update, {name: getattr(self, name) for name in names}
        )()


def test_the_change_of_each_parameter():
    model = Readout()
    found = gradient_sensitivity(model, lambda: model.gradient("below", "above", "beside"))
    changes = {p.name: p.change for p in found.parameters}
    # Twice as high doubles: half of the larger. Twice as wide: (1/2) / 1.25 in place of 1 / 1.5.
    assert changes == {"above": 0.0, "below": pytest.approx(0.5), "beside": 0.0}
    assert {p.name: p.size for p in found.parameters} == pytest.approx(
        {"above": 1.0, "below": 2 / 1.5, "beside": 1.0}
    )
    assert found.advice == (
        "The surrogate decides the gradient of below, but not that of above, beside.",
    )
    assert found.largest == pytest.approx(0.5)
    assert model.spk_fun == QPseudoSpike(alpha=1.0)
    assert GradientSensitivity.from_json(found.to_json()) == found


def test_parameters_go_by_the_names_that_brainstate_gives():
    model = Readout()
    states = model.states(brainstate.ParamState)
    found = gradient_sensitivity(model, lambda: brainstate.transform.grad(model.update, states)())
    assert {p.name for p in found.parameters} == {"above", "below", "beside"}


def test_no_effect_is_a_finding():
    model = Readout()
    found = gradient_sensitivity(model, lambda: model.gradient("above"))
    assert found.advice[0].startswith("The surrogate has no effect on these gradients: none chang")
    assert found.largest == 0


def test_gradients_that_are_zero_are_named():
    model = Readout()
    model.above.value = jnp.asarray(0.0)
    found = gradient_sensitivity(model, lambda: model.gradient("below", "above"))
    assert found.advice[-1] == "The gradient of below is 0, whatever the surrogate."


def test_a_gradient_that_is_zero_is_not_said_to_be_decided_otherwise():
    model = Readout()
    found = gradient_sensitivity(model, lambda: model.gradient("below") | {"idle": jnp.zeros(2)})
    assert found.advice == (
        "The surrogate decides the gradient of below.",
        "The gradient of idle is 0, whatever the surrogate.",
    )


@pytest.mark.parametrize("broken", [0.5, 1.0, 2.0])
def test_a_gradient_that_is_not_finite_is_said_to_be_so(broken):
    """With the surrogate as it is, twice as wide or twice as high: its peak is 1, 0.5 or 2."""
    model = Readout()

    def gradients():
        peak = jax.grad(lambda x: model.spk_fun(x))(0.0)
        return {"a": jnp.where(peak == broken, jnp.inf, 1.0), "b": jnp.ones(2)}

    found = gradient_sensitivity(model, gradients)
    changes = {p.name: p.change for p in found.parameters}
    assert changes == {"a": pytest.approx(np.nan, nan_ok=True), "b": 0.0}
    assert np.isnan(found.largest)
    assert found.advice == (
        "The gradient of a is not finite, either as it is or with a surrogate twice as high or as "
        "wide: look for NaN or overflow in the model.",
    )


def test_a_function_that_was_compiled_before_is_refused():
    model = Readout()
    compiled = jax.jit(jax.grad(lambda x: model.spk_fun(x)))
    compiled(0.5)
    with pytest.raises(ValueError, match="called none, as if it had been compiled"):
        gradient_sensitivity(model, lambda: compiled(0.5))


def test_random_numbers_and_states_are_the_same_each_time():
    model = Readout()
    model.count = brainstate.ShortTermState(jnp.zeros(()))

    def gradient():
        model.count.value = model.count.value + 1
        return model.count.value * brainstate.random.rand() + 0 * model.gradient("below")["below"]

    found = gradient_sensitivity(model, gradient)
    assert [(p.name, p.change) for p in found.parameters] == [("gradient", 0.0)]


def test_a_model_without_surrogates_is_refused():
    model = Readout()
    model.spk_fun = lambda x: x
    with pytest.raises(ValueError, match="neurons with a Surrogate .* none in "):
        gradient_sensitivity(model, lambda: 0.0)


def test_what_cannot_be_called_is_refused():
    model = Readout()
    with pytest.raises(TypeError, match=r"gradient must be a function .*, got \{\}. Pass"):
        gradient_sensitivity(model, {})


def test_no_gradients_are_no_finding():
    model = Readout()
    with pytest.raises(ValueError, match=r"gradient\(\) must return gradients .*, got none"):
        gradient_sensitivity(model, lambda: [model.update(), None][1])
