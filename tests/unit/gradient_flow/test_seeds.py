"""Seeds, draws and candidates that are none."""

import brainstate
import jax.numpy as jnp
import pytest

from braintools_qps import QPseudoSpike, gradient_flow, normalize_surrogate


class Neurons(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.spk_fun = QPseudoSpike()
        self.V = brainstate.HiddenState(jnp.zeros(4))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + x
        return self.spk_fun(self.V.value - 1)


@pytest.mark.parametrize("measure", [gradient_flow, normalize_surrogate])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": 2**64}, ValueError, r"seed must be a number from 0 to 2\*\*32 - 1, got 18446"),
        ({"seed": 2**32}, ValueError, r"seed must be a number from 0 to 2\*\*32 - 1, got 42949"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, got -1"),
        ({"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
        ({"seed": True}, TypeError, "seed must be an integer, got True"),
        ({"seed": "a"}, TypeError, "seed must be an integer, got 'a'"),
        ({"draws": 0}, ValueError, "draws must be a whole number of 1 or more, got 0"),
        ({"draws": 10**30}, ValueError, "got 10000000.*, and at most 1,000,000"),
    ],
)
def test_is_refused(measure, options, error, message):
    with pytest.raises(error, match=message):
        measure(Neurons(), jnp.ones((5, 4)), **options)


def test_no_candidates_at_all():
    for nothing in ({}, []):
        with pytest.raises(ValueError, match="one candidate or more, got none"):
            gradient_flow(Neurons(), jnp.ones((5, 4)), surrogates=nothing)
