"""Networks of the problems: populations of spiking neurons in layers, and convolutions."""

from __future__ import annotations

from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from optax import softmax_cross_entropy_with_integer_labels as cross_entropy

from braintools_qps import QPseudoSpike

STEP = 1.0 * u.ms
SYNAPSE = 5.0  # steps


class HandWritten(brainstate.nn.Module):
    """A leaky integrator in millivolts with a hard reset, as users write their own."""

    V_th, V_reset = 15.0 * u.mV, 0.0 * u.mV

    def __init__(self, size: int, tau: u.Quantity) -> None:
        super().__init__()
        self.size, self.tau = size, tau
        self.R = 1.0 * u.ohm
        self.spk_fun = QPseudoSpike()

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, self.size)) * u.mV)

    def update(self, current: u.Quantity) -> Any:
        decay = u.math.exp(-brainstate.environ.get("dt") / self.tau)
        V = decay * self.V.value + (1 - decay) * self.R * current
        spikes = self.spk_fun((V - self.V_th) / (self.V_th - self.V_reset))
        self.V.value = V + (self.V_reset - V) * spikes
        return spikes


class Population(brainstate.nn.Module):
    """Neurons with time constants from one step to half of the sequence, and what feeds them."""

    def __init__(
        self,
        features: int,
        steps: int,
        *,
        hidden: int,
        gain: float,
        recurrent: bool,
        neuron: type,
        synapse: bool,
    ) -> None:
        super().__init__()
        normal = lambda *shape: brainstate.random.normal(size=shape)
        weights = {"input": gain * normal(features, hidden) / np.sqrt(features)}
        weights["bias"] = jnp.zeros(hidden)
        if recurrent:
            weights["recurrent"] = 0.2 * normal(hidden, hidden) / np.sqrt(hidden)
        self.weights = brainstate.ParamState(weights)
        tau = np.geomspace(1.0, max(8.0, steps / 2), hidden)
        if neuron is HandWritten:
            self.neuron = HandWritten(hidden, tau * STEP)
        else:
            self.neuron = neuron(hidden, tau=tau * STEP, spk_fun=QPseudoSpike(), spk_reset="soft")
        # This current lifts a membrane from rest to threshold within one step.
        self.current = self.neuron.V_th / self.neuron.R / (1 - np.exp(-1 / tau))
        self.synapse = brainpy.state.Expon(hidden, tau=SYNAPSE * STEP) if synapse else None
        self.hidden = hidden

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.spikes = brainstate.HiddenState(jnp.zeros((*batch, self.hidden)))

    def update(self, x: Any) -> Any:
        weights = self.weights.value
        drive = x @ weights["input"] + weights["bias"]
        if "recurrent" in weights:
            drive += self.spikes.value @ weights["recurrent"]
        if self.synapse is not None:
            drive = self.synapse((1 - np.exp(-1 / SYNAPSE)) * drive * u.mS) / u.mS
        self.spikes.value = self.neuron(drive * self.current)
        return self.spikes.value


class Network(brainstate.nn.Module):
    """Populations one after the other, and a linear readout of the last one's spikes."""

    def __init__(
        self,
        features: int,
        outputs: int,
        steps: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        recurrent: bool = True,
        neuron: type = brainpy.state.LIF,
        synapse: bool = False,
        gain: float = 3.0,
    ) -> None:
        super().__init__()
        sizes = (features, *[hidden] * (layers - 1))
        gains = (1.0, *[gain] * (layers - 1))  # spikes are rarer than the inputs are large
        self.layers = [
            Population(
                size, steps, hidden=hidden, gain=gain,
                recurrent=recurrent, neuron=neuron, synapse=synapse,
            )
            for size, gain in zip(sizes, gains)
        ]  # fmt: skip
        self.readout = _readout(hidden, outputs)

    def update(self, x: Any) -> Any:
        with brainstate.environ.context(dt=STEP):
            for layer in self.layers:
                x = layer(x)
        return _read(self.readout, x)


class Sparse(Network):
    """The network with its firing rate beside its outputs, for a loss that keeps neurons quiet."""

    def update(self, x: Any) -> tuple[Any, Any]:
        with brainstate.environ.context(dt=STEP):
            spikes = self.layers[0](x)
        return _read(self.readout, spikes), spikes.mean(-1)


def sparse_loss(outputs: tuple[Any, Any], y: Any) -> Any:
    """Cross-entropy, and the excess of the firing rate over 3%."""
    logits, rate = outputs
    return cross_entropy(logits, y).mean() + 10 * jnp.maximum(rate.mean() - 0.03, 0)


def sparse_score(outputs: tuple[Any, Any], y: Any) -> Any:
    """Accuracy."""
    return (outputs[0].argmax(-1) == y).mean()


class Convolutional(brainstate.nn.Module):
    """Two convolutions with spiking neurons over a still image, and a linear readout.

    A kernel of 3 by 3 is a product with nine shifted images: inside of a loop over time, XLA for
    CPU is slow at convolutions and fast at products.
    """

    def __init__(self, features: int, outputs: int, *, channels: int = 8) -> None:
        super().__init__()
        normal = lambda *shape: brainstate.random.normal(size=shape)
        self.side = int(np.sqrt(features))
        small = -(-self.side // 2)
        kernels = {"first": normal(9, channels) / 3}
        kernels["second"] = 3 * normal(9 * channels, 2 * channels) / np.sqrt(9 * channels)
        self.kernels = brainstate.ParamState(kernels)
        shapes = (self.side, self.side, channels), (small, small, 2 * channels)
        self.neurons = [
            brainpy.state.LIF(shape, tau=5.0 * STEP, spk_fun=QPseudoSpike(), spk_reset="soft")
            for shape in shapes
        ]
        self.readout = _readout(small * small * 2 * channels, outputs)

    def update(self, x: Any) -> Any:
        x = x.reshape((*x.shape[:-1], self.side, self.side, 1))
        first, second = self.neurons
        with brainstate.environ.context(dt=STEP):
            x = first(3 * _shifted(x) @ self.kernels.value["first"] * first.V_th / first.R)
            x = _shifted(x)[..., ::2, ::2, :]
            x = second(3 * x @ self.kernels.value["second"] * second.V_th / second.R)
        return _read(self.readout, x.reshape((*x.shape[:-3], -1)))


def _shifted(x: Any) -> Any:
    """Nine copies of an image along its channels, each moved by -1 to 1 in both directions."""
    height, width = x.shape[-3:-1]
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    moved = [x[..., i : i + height, j : j + width, :] for i in range(3) for j in range(3)]
    return jnp.concatenate(moved, axis=-1)


def _readout(hidden: int, outputs: int) -> brainstate.ParamState:
    weight = 4.0 * brainstate.random.normal(size=(hidden, outputs)) / np.sqrt(hidden)
    return brainstate.ParamState({"weight": weight, "bias": jnp.zeros(outputs)})


def _read(readout: brainstate.ParamState, spikes: Any) -> Any:
    return spikes @ readout.value["weight"] + readout.value["bias"]
