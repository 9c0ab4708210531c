"""Layers of brainpy's LIF neurons, for the tests that set their weights."""

import brainpy.state
import brainstate
import brainunit as u
import jax
from helpers import linear

STEPS, BATCH, N = 20, 16, 12


class Network(brainstate.nn.Module):
    """Layers of LIF neurons; ``between`` is called between the first two."""

    def __init__(self, widths=(N, N), gain=1.0, between=None, change=lambda w: w, **options):
        super().__init__()
        brainstate.random.seed(0)
        self.linear = [linear(n, m) for n, m in zip((N, *widths), widths)]
        options = {"V_th": 1 * u.mV, "tau": 10 * u.ms} | options
        self.lif = [brainpy.state.LIF(n, **options) for n in widths]
        self.gain, self.between = gain, between
        for layer in self.linear:
            weights = layer.weight.value
            layer.weight.value = weights | {"weight": change(weights["weight"])}

    def update(self, x):
        for i, (layer, lif) in enumerate(zip(self.linear, self.lif)):
            x = self.between(x) if i == 1 and self.between else x
            x = lif(self.gain * layer(x) * u.mA)
        return x


def inputs(features=N):
    return jax.random.uniform(jax.random.key(0), (STEPS, BATCH, features))
