"""Neurons that spike on a voltage, with surrogates that take numbers: the way out is named."""

import brainunit as u
import jax.numpy as jnp
import pytest
from braintools.surrogate import Arctan, LogTailedRelu, Sigmoid
from comparison_models import millivolts
from flow_networks import gradient_flow
from helpers import message_of
from small_comparison import OPTIONS

from braintools_qps import QPseudoSpike, Scaled, compare, normalize_surrogate, save_memory

INPUTS = jnp.ones((5, 3, 2))
pytestmark = pytest.mark.usefixtures("one_millisecond")


def network(features=2, classes=2):
    model = millivolts(features, classes, hidden=4)
    model.layers[0].spk_fun = Sigmoid()
    return model


TOOLS = {
    "flow": lambda model: gradient_flow(model, INPUTS),
    "candidate": lambda model: gradient_flow(model, INPUTS, surrogates=["Sigmoid"]),
    "normalize": lambda model: normalize_surrogate(model, INPUTS),
    "save memory": lambda model: save_memory(model, INPUTS),
}
FIX = "Scaled(Sigmoid(alpha=4.0), scale=V_th"


@pytest.mark.parametrize(
    ("tool", "surrogate", "fix"),
    [
        *((tool, Sigmoid(), FIX) for tool in TOOLS),
        ("flow", Arctan(), "Scaled(Arctan(alpha=1.0), scale=V_th"),
        ("flow", LogTailedRelu(), "Scaled(LogTailedRelu("),
        ("flow", QPseudoSpike(scale=1 * u.mA), "x in mV and a scale in mA. Pass scale=1.0"),
        ("flow", lambda x: {}["absent"], "absent"),  # any other error stays what it is
    ],
)
def test_the_message_contains_the_fix(tool, surrogate, fix):
    model = network()
    model.layers[0].spk_fun = surrogate
    assert fix in message_of(lambda: TOOLS[tool](model))


@pytest.mark.thorough
def test_where_there_is_a_wrapper_already():
    """As in a comparison, which wraps whatever it trains."""
    options = OPTIONS | {"model": network}
    for use in (
        lambda: Scaled(Sigmoid()).surrogate_grad(1.0 * u.mV),
        lambda: compare(["Sigmoid"], **options),
    ):
        assert f"for example {FIX} - V_reset)" in message_of(use)
