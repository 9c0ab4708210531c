"""Models of kinds that users write, each by a factory as `compare` takes them."""

import sys

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
from helpers import linear

from braintools_qps import QPseudoSpike

SPIKE = QPseudoSpike()


class Millivolts(brainstate.nn.Module):
    """A layer of LIF neurons by hand: membranes, thresholds and weights in mV."""

    def __init__(self, features, hidden):
        super().__init__()
        weights = brainstate.random.normal(0.0, 8.0, (features, hidden))
        self.weights = brainstate.ParamState(weights * u.mV)
        self.spk_fun = QPseudoSpike(scale=10 * u.mV)
        self.hidden = hidden

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.full((batch_size, self.hidden), -65.0) * u.mV)

    def update(self, x):
        drive = u.math.matmul(x, self.weights.value)
        dt, tau = brainstate.environ.get("dt"), 5 * u.ms
        V = self.V.value + ((-65 * u.mV - self.V.value) * (dt / tau)) + drive
        spikes = self.spk_fun(V - -55 * u.mV)
        self.V.value = V - spikes * 10 * u.mV
        return spikes


def millivolts(features, classes, hidden=12):
    return brainstate.nn.Sequential(Millivolts(features, hidden), linear(hidden, classes))


class TwoKinds(brainstate.nn.Module):
    """LIF neurons that drive adaptive ones, which see their own spikes."""

    def __init__(self, features, classes, hidden=10):
        super().__init__()
        options = {"tau": 5 * u.ms, "V_th": 1 * u.mV}
        self.into = linear(features, hidden)
        self.first = brainpy.state.LIF(hidden, **options)
        self.between = linear(hidden, hidden)
        self.again = linear(hidden, hidden)
        self.second = brainpy.state.ALIF(hidden, **options)
        self.out = linear(hidden, classes)

    def init_state(self, batch_size=None):
        self.spikes = brainstate.HiddenState(jnp.zeros((batch_size, *self.second.varshape)))

    def update(self, x):
        spikes = self.first(5 * self.into(x) * u.mA)
        drive = self.between(spikes) + self.again(self.spikes.value)
        self.spikes.value = self.second(5 * drive * u.mA)
        return self.out(self.spikes.value)


class Neurons(brainstate.nn.Module):
    """Integrators with a reset, as plain as can be, for a batch or for one sample."""

    def __init__(self, *shape, spike=SPIKE):
        super().__init__()
        self.shape, self.spk_fun = shape, spike

    def init_state(self, batch_size=None):
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros(batch + self.shape))

    def update(self, x):
        V = 0.8 * self.V.value + x
        spikes = self.spk_fun(V - 1)
        self.V.value = V * (1 - spikes)
        return spikes


def normalised(features, classes, hidden=12):
    """Running means outlive a batch, and dropout is random while training."""
    return brainstate.nn.Sequential(
        linear(features, hidden),
        brainstate.nn.BatchNorm0d((hidden,)),
        Neurons(hidden),
        brainstate.nn.Dropout(0.8),
        linear(hidden, classes),
    )


def plain(features, classes, hidden=8):
    return brainstate.nn.Sequential(
        linear(features, hidden),
        Neurons(hidden),
        linear(hidden, classes),
    )


def every_step(features, hidden=16):
    """One number at every step, from a leaky sum of the spikes."""
    return brainstate.nn.Sequential(linear(features, hidden), Neurons(hidden), Leaky(hidden))


class Leaky(brainstate.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weights = brainstate.ParamState(0.3 * brainstate.random.normal(size=(size, 1)))

    def init_state(self, batch_size=None):
        self.sum = brainstate.HiddenState(jnp.zeros((batch_size, 1)))

    def update(self, spikes):
        self.sum.value = 0.7 * self.sum.value + spikes @ self.weights.value
        return self.sum.value


def exits(features, outputs):
    """As a script does that is no factory."""
    sys.exit("bye")
