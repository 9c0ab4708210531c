"""The flag with which newer releases of JAX have another primitive for `jax.checkpoint`."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import jax, jax.numpy as jnp, brainstate
from braintools_qps import QPseudoSpike, gradient_flow, normalize_rates

class Layer(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = brainstate.ParamState(jnp.eye(4))
        self.spk_fun = QPseudoSpike(8.0, dampening=0.3)
        self.V = brainstate.HiddenState(jnp.zeros((3, 4)))

    def update(self, x):
        def advance(V, x, w):
            V = 0.9 * V + x @ w
            return V, self.spk_fun(V - 1)

        self.V.value, spikes = jax.checkpoint(advance)(self.V.value, x, self.weights.value)
        return spikes

inputs = jax.random.uniform(jax.random.key(0), (20, 3, 4))
print(gradient_flow(Layer(), inputs)["model"].populations[0].activity.firing_rate > 0)
print(normalize_rates(Layer(), inputs, 0.5).populations[0].factor is not None)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("flag", ["0", "1"])
def test_a_checkpoint_within_a_step_is_opened(flag):
    environment = os.environ | {"JAX_REMAT3": flag}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "True"], done.stderr[-2000:]
