"""A network that goes wrong in one way or another, for one surrogate or at one moment."""

import os
import signal
from pathlib import Path

import brainstate
import jax
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
    def __init__(self, features, classes, faults, gain):
        super().__init__()
        self.inward = brainstate.nn.Linear(features, 8)
        self.neurons = Leaky(8)
        self.outward = brainstate.nn.Linear(8, classes)
        self.faults, self.gain = faults, gain

    def update(self, x):
        gain = self.gain * brainstate.environ.get("gain", 1.0)  # in workers too
        out = self.outward(self.neurons(self.inward(gain * x)))
        for fault, surrogate in self.faults.items():
            if surrogate and surrogate in repr(self.neurons.spk_fun):
                out = FAULTS[fault](out)
        return out


def make(features, classes, once="", gain="", deadly="", nan="", large=""):
    """``deadly``, ``nan`` and ``large`` name the surrogate that it is for.

    ``once`` is a file that is there until the first death, ``gain`` one that holds a number.
    """
    if once and is_worker():
        try:
            Path(once).unlink()
        except FileNotFoundError:
            pass
        else:
            die()
    faults = {"deadly": deadly, "nan": nan, "large": large}
    return Network(features, classes, faults, float(Path(gain).read_text()) if gain else 1.0)


def is_worker():
    """The one who compares traces the model too, and lives."""
    return os.environ.get("FRAGILE_CLIENT") not in (None, str(os.getpid()))


def die(out=None):
    if is_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    return out


def exhaust(out):
    """An array of 256 TiB, more than a process can address; no compiler can do without it."""
    place = jax.lax.stop_gradient(out).astype(int)
    array = jnp.zeros((1 << 23, 1 << 23)).at[place, place].add(1.0)
    return out * (1 + array[place + 1, place])


FAULTS = {"deadly": die, "nan": lambda out: out * jnp.nan, "large": exhaust}
