"""Published models: the memory of a training step before and after `save_memory`.

Small versions, in words of our own, of networks that others train: from braintrace's examples one
with spikes and inputs in one array (its inputs are floats, or booleans), a convolutional one, an
adaptive one in layers, and an excitatory-inhibitory one with conductances; one for spoken digits
as in spyx's tutorial, with learnt decays; one with sparse random connections of brainevent. Batch
of 32, 100 steps. Memory is that of the temporaries of the compiled step, without arguments and
results; it does not depend on the load of the machine. Times are relative to the plain network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import brainpy.state
import brainstate
import braintools
import braintrace
import brainunit as u
import jax
import jax.numpy as jnp

from .harness import Case, Ready, Settings
from .memory import (
    CONTESTANTS,
    PLAIN,
    PLAIN_NETWORK,
    SECONDS,
    Contestant,
    compiled_step,
    measured,
)

BATCH, STEPS, NEURONS, CLASSES = 32, 100, 128, 10


class Counting(brainstate.nn.Module):
    """A network that adds up its outputs; `outputs` computes those of one step."""

    features: tuple[int, ...] = (64,)
    dtype: Any = float

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.logits = brainstate.HiddenState(jnp.zeros((batch_size, CLASSES)))

    def update(self, x: jax.Array) -> None:
        self.logits.value += self.outputs(x)

    def outputs(self, x: jax.Array) -> jax.Array:
        raise NotImplementedError


def lif(size: Any) -> Any:
    return brainpy.state.LIF(size, tau=10 * u.ms, spk_fun=PLAIN)


def readout(neurons: int) -> Any:
    return braintrace.nn.LeakyRateReadout(neurons, CLASSES, tau=10 * u.ms)


class Recurrent(Counting):
    """Inputs and the spikes of the last step in one array, one matrix for both."""

    def __init__(self) -> None:
        super().__init__()
        self.together = braintrace.nn.Linear(self.features[0] + NEURONS, NEURONS)
        self.neurons, self.readout = lif(NEURONS), readout(NEURONS)

    def outputs(self, x: jax.Array) -> jax.Array:
        both = jnp.concatenate([x.astype(float), self.neurons.get_spike()], axis=-1)
        return self.readout(self.neurons(self.together(both) * u.mA))


class RecurrentOfBooleans(Recurrent):
    """The same with inputs that are known to be spikes."""

    dtype = bool


class Convolutional(Counting):
    """Convolutions with layer norms, max pooling, a dense layer."""

    features = (16, 16, 2)

    def __init__(self) -> None:
        super().__init__()
        conv = partial(braintrace.nn.Conv2d, out_channels=16, kernel_size=3)
        pool = partial(brainstate.nn.MaxPool2d, kernel_size=2, stride=2, channel_axis=-1)
        layers: list[Any] = []
        for size, channels in ((16, 2), (8, 16)):
            shape = (size, size, 16)
            layers += [conv((size, size, channels)), brainstate.nn.LayerNorm(shape), _in_mA]
            layers += [lif(shape), pool(in_size=shape)]
        layers += [lambda x: x.reshape(len(x), -1), braintrace.nn.Linear(256, NEURONS), _in_mA]
        self.layers = brainstate.nn.Sequential(*layers, lif(NEURONS), readout(NEURONS))

    def outputs(self, x: jax.Array) -> jax.Array:
        return self.layers(x)


def _in_mA(x: jax.Array) -> Any:
    return 10 * x * u.mA


class Adaptive(Counting):
    """Two layers of adaptive neurons behind exponential synapses."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[Any] = []
        for size in (self.features[0], NEURONS):
            neurons = brainpy.state.ALIF(NEURONS, tau=10 * u.ms, tau_a=200 * u.ms, spk_fun=PLAIN)
            at_rest = braintools.init.ZeroInit()
            synapses = brainpy.state.Expon(NEURONS, tau=5 * u.ms, g_initializer=at_rest)
            layers += [braintrace.nn.Linear(size, NEURONS), synapses, _in_mA, neurons]
        self.layers = brainstate.nn.Sequential(*layers, readout(NEURONS))

    def outputs(self, x: jax.Array) -> jax.Array:
        return self.layers(x)


class Conductances(Counting):
    """Excitatory and inhibitory neurons, whose conductances pull the membrane to a potential."""

    connected: Callable[..., Any] = braintrace.nn.SignedWLinear

    def __init__(self) -> None:
        super().__init__()
        self.excitatory = NEURONS * 4 // 5
        self.neurons, self.readout = lif(NEURONS), readout(NEURONS)
        self.inputs = self.projection(braintrace.nn.SignedWLinear, self.features[0], 5 * u.mV)
        self.excite = self.projection(type(self).connected, self.excitatory, 5 * u.mV)
        inhibitory = NEURONS - self.excitatory
        self.inhibit = self.projection(type(self).connected, inhibitory, -10 * u.mV)

    def projection(self, kind: Callable[..., Any], size: int, reversal: Any) -> Any:
        return brainpy.state.AlignPostProj(
            comm=kind(size, NEURONS, WEIGHTS),
            syn=brainpy.state.Expon.desc(
                NEURONS, tau=10 * u.ms, g_initializer=braintools.init.ZeroInit(unit=u.mS)
            ),
            out=brainpy.state.COBA.desc(E=reversal),
            post=self.neurons,
        )

    def outputs(self, x: jax.Array) -> jax.Array:
        excitatory, inhibitory = jnp.split(self.neurons.get_spike(), [self.excitatory], axis=-1)
        self.inputs(x)
        self.excite(excitatory)
        self.inhibit(inhibitory)
        return self.readout(self.neurons())


WEIGHTS = braintools.init.KaimingNormal(unit=u.mS)


class Sparse(Conductances):
    """The same with sparse random connections, which brainevent multiplies."""

    connected = lambda size, neurons, weights: brainstate.nn.EventFixedNumConn(
        size, neurons, 0.1, 0.1 * u.mS
    )


class LearntDecay(brainstate.nn.Module):
    """Leaky neurons whose decay is learnt; a spike subtracts the threshold."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.spk_fun = size, PLAIN
        self.decay = brainstate.ParamState(jnp.full(size, 0.9))

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, self.size)))

    def update(self, x: jax.Array) -> jax.Array:
        spikes = self.spk_fun(self.V.value - 1)
        self.V.value = self.decay.value * self.V.value + x - spikes
        return spikes


class SpokenDigits(Counting):
    """Two hidden layers with plain matrix products and learnt decays."""

    features = (128,)

    def __init__(self) -> None:
        super().__init__()
        sizes, draw = (*self.features, NEURONS, NEURONS, CLASSES), braintools.init.KaimingNormal()
        self.weights = [brainstate.ParamState(draw(pair)) for pair in itertools.pairwise(sizes)]
        self.neurons = [LearntDecay(NEURONS), LearntDecay(NEURONS)]

    def outputs(self, x: jax.Array) -> jax.Array:
        for weights, neurons in zip(self.weights, self.neurons):
            x = neurons(x @ weights.value)
        return x @ self.weights[-1].value


MODELS = {
    "inputs and spikes in one array": Recurrent,
    "the same, inputs as booleans": RecurrentOfBooleans,
    "convolutional, layer norm": Convolutional,
    "adaptive neurons, two layers": Adaptive,
    "excitatory-inhibitory, conductances": Conductances,
    "the same, sparse connections": Sparse,
    "spoken digits, learnt decays": SpokenDigits,
}


def cases(settings: Settings) -> Iterator[Case]:
    """Each model, plain and saved."""
    for work, kind in MODELS.items():
        contestants = {name: partial(_ready, each, kind) for name, each in CONTESTANTS.items()}
        yield Case("Published models", work, contestants, PLAIN_NETWORK, seconds=SECONDS)


def _ready(contestant: Contestant, kind: type[Counting]) -> Ready:
    shape = (STEPS, BATCH, *kind.features)
    inputs = jax.random.bernoulli(jax.random.key(0), 0.3, shape).astype(kind.dtype)
    return measured(*compiled_step(contestant, kind, (inputs, jnp.zeros(BATCH, int))))
