"""A model of layers with default weights, and a comparison of it; run as a script, on all devices.

Default weights matter: brainstate checks the bounds of their distribution by ordered callbacks.
"""

import sys
from pathlib import Path

import brainpy
import brainstate
import brainunit as u
import jax
import numpy as np
import optax

from braintools_qps import compare

RUNS = 5  # more than two devices hold evenly, fewer than eight
EPOCHS, RATE = 2, 0.1


class Network(brainstate.nn.Module):
    """A convolution over the features, LIF neurons and a readout."""

    def __init__(self, features, classes):
        super().__init__()
        self.convolution = brainstate.nn.Conv1d((features, 1), 2, 3)
        self.into = brainstate.nn.Linear(2 * features, 12)
        self.neurons = brainpy.state.LIF(12, tau=5 * u.ms, V_th=1 * u.mV)
        self.out = brainstate.nn.Linear(12, classes)

    def update(self, x):
        seen = self.convolution(x[..., None]).reshape(len(x), -1)
        return self.out(self.neurons(5 * self.into(seen) * u.mA))


def momentum(learning_rate):
    """Adam would divide a gradient by its own size, and so blow up the rounding of a small one."""
    return optax.sgd(learning_rate, momentum=0.9)


def data():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    return rng.standard_normal((80, 6, 3)) + 0.5 * y[:, None, None], y


def compared():
    """Two surrogates, on the devices of this process."""
    training = {"batch_size": 8, "epochs": EPOCHS, "learning_rate": RATE, "optimizer": momentum}
    return compare(
        ["Sigmoid", "QPseudoSpike"], task=data(), model=Network, tune=None, seeds=RUNS,
        progress=False, **training,
    )  # fmt: skip


if __name__ == "__main__":
    assert jax.local_device_count() == int(sys.argv[2])
    Path(sys.argv[1]).write_text(compared().to_json())
