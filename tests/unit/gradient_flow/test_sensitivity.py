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
    assert found.largest == pytest.approx(0.5)
    assert model.spk_fun == QPseudoSpike(alpha=1.0)
    assert GradientSensitivity.from_json(found.to_json()) == found


def test_parameters_go_by_the_names_that_brainstate_gives():
    model = Readout()
    states = model.states(brainstate.ParamState)
    found = gradient_sensitivity(model, lambda: brainstate.transform.grad(model.update, states)())
    assert {p.name for p in found.parameters} == {"above", "below", "beside"}


def broken(peak):
    """Infinite with the surrogate as it is, twice as wide or twice as high."""

    def gradient(model):
        present = jax.grad(lambda x: model.spk_fun(x))(0.0)
        return {"a": jnp.where(present == peak, jnp.inf, 1.0), "b": jnp.ones(2)}

    return gradient


ZERO = "The gradient of {} is 0, whatever the surrogate."
INFINITE = "The gradient of a is not finite, either as it is or with a surrogate twice as high"


@pytest.mark.parametrize(
    ("gradient", "said"),
    [
        (lambda model: model.gradient("below", "above", "beside"),
         ["The surrogate decides the gradient of below, but not that of above, beside."]),
        (lambda model: model.gradient("above"),
         ["The surrogate has no effect on these gradients: none changes"]),
        (lambda model: model.gradient("below") | {"idle": jnp.zeros(2)},
         ["The surrogate decides the gradient of below.", ZERO.format("idle")]),
        *((broken(peak), [INFINITE]) for peak in (0.5, 1.0, 2.0)),
    ],
)  # fmt: skip
def test_the_conclusion_is_true(gradient, said):
    model = Readout()
    found = gradient_sensitivity(model, lambda: gradient(model))
    assert len(found.advice) == len(said)
    assert all(line.startswith(begin) for line, begin in zip(found.advice, said))
    assert np.isnan(found.largest) == (said == [INFINITE])


def test_random_numbers_and_states_are_the_same_each_time():
    model = Readout()
    model.count = brainstate.ShortTermState(jnp.zeros(()))

    def gradient():
        model.count.value = model.count.value + 1
        return model.count.value * brainstate.random.rand() + 0 * model.gradient("below")["below"]

    found = gradient_sensitivity(model, gradient)
    assert [(p.name, p.change) for p in found.parameters] == [("gradient", 0.0)]


def compiled_before(model):
    compiled = jax.jit(jax.grad(lambda x: model.spk_fun(x)))
    compiled(0.5)
    return lambda: compiled(0.5)


def without_surrogate(model):
    model.spk_fun = lambda x: x
    return lambda: 0.0


@pytest.mark.parametrize(
    ("gradient_of", "match"),
    [
        (compiled_before, "called none, as if it had been compiled"),
        (without_surrogate, "neurons with a Surrogate .* none in "),
        (lambda model: {}, r"gradient must be a function .*, got \{\}. Pass"),
        (lambda model: lambda: [model.update(), None][1], r"must return gradients .*, got none"),
    ],
)
def test_what_is_refused(gradient_of, match):
    model = Readout()
    with pytest.raises((ValueError, TypeError), match=match):
        gradient_sensitivity(model, gradient_of(model))
