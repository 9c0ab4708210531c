"""Neurons that spike on a voltage, with surrogates that take numbers: the way out is named."""

from functools import partial

import brainstate
import brainunit as u
import jax.numpy as jnp
import pytest
from braintools.surrogate import Arctan, LogTailedRelu, Sigmoid
from helpers import linear
from small_comparison import OPTIONS

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    compare,
    gradient_flow,
    normalize_surrogate,
    save_memory,
)

gradient_flow = partial(gradient_flow, trial=False)  # what is measured

NEEDS = "in mV needs a scale.*"
FIX = rf"with respect to x {NEEDS}Scaled\(Sigmoid\(alpha=4.0\), scale=V_th"
INPUTS = jnp.ones((5, 3, 2))


class Network(brainstate.nn.Module):
    def __init__(self, features=2, classes=2):
        super().__init__()
        self.spk_fun = Sigmoid()
        self.inputs, self.readout = (linear(*n) for n in ((features, 4), (4, classes)))

    def init_state(self, batch_size):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, 4)) * u.mV)

    def update(self, x):
        self.V.value = 0.9 * self.V.value + self.inputs(x) * u.mV
        return self.readout(self.spk_fun(self.V.value - 10 * u.mV))


def initialised():
    model = Network()
    brainstate.nn.init_all_states(model, 3)
    return model


@pytest.mark.parametrize(
    "use",
    [
        lambda model: gradient_flow(model, INPUTS),
        lambda model: gradient_flow(model, INPUTS, surrogates=["Sigmoid"]),
        lambda model: normalize_surrogate(model, INPUTS),
        lambda model: save_memory(model, INPUTS),
    ],
)
def test_the_error_names_the_wrapper(use):
    with pytest.raises(u.UnitMismatchError, match=FIX):
        use(initialised())


@pytest.mark.parametrize(
    ("surrogate", "fix"),
    [
        (Arctan(), rf"^the surrogate .* {NEEDS}Scaled\(Arctan\(alpha=1.0\), scale=V_th"),
        (LogTailedRelu(), rf"^the surrogate .* {NEEDS}Scaled\(LogTailedRelu\("),
        (QPseudoSpike(scale=1 * u.mA), "x in mV and a scale in mA. Pass scale=1.0"),
    ],
)
def test_a_surrogate_whose_formula_does_not_take_units(surrogate, fix):
    model = initialised()
    model.spk_fun = surrogate
    with pytest.raises(u.UnitMismatchError, match=fix):
        gradient_flow(model, INPUTS)


@pytest.mark.thorough
def test_where_there_is_a_wrapper_already():
    """As in a comparison, which wraps whatever it trains."""
    options = OPTIONS | {"model": Network}
    fix = rf"{NEEDS} for example Scaled\(Sigmoid\(alpha=4.0\), scale=V_th - V_reset\)"
    with pytest.raises(u.UnitMismatchError, match=fix):
        Scaled(Sigmoid()).surrogate_grad(1.0 * u.mV)
    with pytest.raises(u.UnitMismatchError, match=fix):
        compare(["Sigmoid"], **options)


def test_an_error_of_a_surrogate_for_numbers_stays_what_it_is():
    model = initialised()
    model.spk_fun = lambda x: x + "text"
    with pytest.raises(TypeError, match=r"unsupported|add|text"):
        gradient_flow(model, INPUTS)
