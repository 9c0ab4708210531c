"""The commonest mistakes in a Sequential: the last line of the error is the reason.

brainstate wraps it in an error with the modules' reprs, which ends in "failed to update".
"""

import re

import brainpy.state
import brainstate
import brainunit as u
import jax.numpy as jnp
import pytest
from flow_networks import SURROGATE
from helpers import linear

from braintools_qps import gradient_flow, prepare, save_memory

INPUTS = jnp.ones((5, 4, 3))


def network(features=3, unit=u.mA):
    return brainstate.nn.Sequential(
        linear(features, 6),
        lambda x: x * unit,
        brainpy.state.LIF(6, spk_fun=SURROGATE),
        linear(6, 2),
    )


MISTAKES = {
    "no dt": ({}, {}, r"^KeyError: Key 'dt' not found in environment\. Set it using: .*"),
    "no unit": ({"unit": u.UNITLESS}, {"dt": 1 * u.ms}, r"^UnitMismatchError: .* mV != ohm$"),
    "features": ({"features": 7}, {"dt": 1 * u.ms}, r"^TypeError: .* got \(3,\) and \(7,\)\.$"),
}


@pytest.mark.parametrize("tool", [gradient_flow, prepare, save_memory])
@pytest.mark.parametrize("name", MISTAKES)
def test_the_reason_comes_last(name, tool):
    made, environment, reason = MISTAKES[name]
    context = brainstate.environ.context(**environment)
    with context, pytest.raises(Exception, match="failed to update with input") as raised:
        tool(network(**made), INPUTS)
    assert re.match(reason, raised.value.__notes__[-1])
