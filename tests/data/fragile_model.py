"""A network that kills the process it is in: once, or whenever it meets one surrogate."""

import os
import signal
from pathlib import Path

import brainstate
import jax.numpy as jnp


class Leaky(brainstate.nn.Module):
    """Leaky integrate-and-fire neurons that are reset by subtraction."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.spk_fun = None

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, self.size)))

    def update(self, current):
        self.V.value = 0.8 * self.V.value + current
        spikes = self.spk_fun(self.V.value - 1)
        self.V.value = self.V.value - spikes
        return spikes


class Network(brainstate.nn.Module):
    def __init__(self, features, classes, deadly):
        super().__init__()
        self.inward = brainstate.nn.Linear(features, 8)
        self.neurons = Leaky(8)
        self.outward = brainstate.nn.Linear(8, classes)
        self.deadly = deadly

    def update(self, x):
        if self.deadly and self.deadly in repr(self.neurons.spk_fun):
            die()
        return self.outward(self.neurons(self.inward(x)))


def make(features, classes, deadly="", once=""):
    """``deadly`` is the surrogate's name; ``once`` a file that is there until the first death."""
    if once and is_worker():
        try:
            Path(once).unlink()
        except FileNotFoundError:
            pass
        else:
            die()
    return Network(features, classes, deadly)


def is_worker():
    """The one who compares traces the model too, and lives."""
    return os.environ.get("FRAGILE_CLIENT") not in (None, str(os.getpid()))


def die():
    if is_worker():
        os.kill(os.getpid(), signal.SIGKILL)
