"""Networks of the casebook, built from a `Design`: layers, neurons, code of the inputs, reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import QPseudoSpike

PIXELS, SIDE, CLASSES = 64, 8, 10

THIN = QPseudoSpike(alpha=8.0)

Function = Callable[[Any], Any]


def same(x: Any) -> Any:
    return x


@dataclasses.dataclass(frozen=True)
class Design:
    """What a network, its inputs and its training are made of; a mistake is a change of fields.

    ``steps`` and ``tau`` are in milliseconds, which are time steps, too.
    """

    # The network.
    layers: int = 2
    width: int = 64
    shape: str = "plain"  # or recurrent, convolutional, residual, branches, inhibited
    neuron: str = "LIF"
    options: tuple[tuple[str, Any], ...] = ()  # of the neuron
    tau: float = 10.0
    threshold: float = 1.0
    surrogate: Any = THIN
    gain: float = 8.0  # current per weight
    biased: bool = True
    norm: str = ""  # or batch, layer
    keep: float = 1.0  # of dropout
    delay: int = 0
    inhibition: float = 1.0
    readout: str = "linear"  # or spiking
    # Functions: of weights as they begin, those of the readout, and in each step, then of currents,
    # of spikes and of outputs.
    begin: Function = same
    last: Function = same
    weight: Function = same
    current: Function = same
    spikes: Function = same
    output: Function = same
    trained: bool = True  # whether weights are of the type that is trained
    # Another network than `Network`, made from the design.
    make: Function | None = None
    # The data: a function from (steps, images, pixels) to them, after the code.
    source: str = "digits"  # or cancer, wine, mnist
    code: str = "constant"
    steps: int = 20
    data: Function = same
    # The reading and the training.
    read: str = "mean"  # or last, max, root
    epochs: int = 12
    rate: float = 3e-3
    optimizer: Function = optax.adam
    labels: Function = same  # of the labels for training
    dtype: str = "float32"

    def __call__(self) -> brainstate.nn.Module:
        return (self.make or Network)(self)


class Dense(brainstate.nn.Module):
    """Weights and a bias, initialised as in PyTorch; a function may be applied to the weights."""

    def __init__(self, inputs: int, outputs: int, design: Design, weight: Any = None):
        super().__init__()
        draw = lambda *shape: brainstate.random.uniform(-1, 1, shape) / np.sqrt(inputs)
        state = brainstate.ParamState if design.trained else brainstate.LongTermState
        cast = lambda x: jnp.asarray(x, design.dtype)
        self.function = weight or design.weight
        self.weight = state(cast(design.begin(draw(inputs, outputs))))
        self.bias = state(cast(draw(outputs))) if design.biased else None

    def update(self, x: Any) -> Any:
        current = x @ self.function(self.weight.value)
        return current if self.bias is None else current + self.bias.value


class Leaky(brainstate.nn.Module):
    """LIF neurons without units; in the step after a spike, the threshold is subtracted."""

    def __init__(self, size: Any, design: Design, *, detach: bool = True):
        super().__init__()
        self.size = (size,) if isinstance(size, int) else tuple(size)
        self.decay, self.spk_fun, self.design = np.exp(-1 / design.tau), design.surrogate, design
        self.detach = detach

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, *self.size), self.design.dtype))

    def get_spike(self) -> Any:
        return self.spk_fun(self.V.value - self.design.threshold)

    def update(self, x: Any) -> Any:
        reset = self.get_spike() * self.design.threshold
        reset = jax.lax.stop_gradient(reset) if self.detach else reset
        self.V.value = self.decay * self.V.value + x - reset
        return self.get_spike()


class Synaptic(Leaky):
    """`Leaky` with a synaptic current that decays; ``mixed`` decays the membrane instead."""

    def __init__(self, *args: Any, synapse: float = 5.0, mixed: bool = False, **options: Any):
        super().__init__(*args, **options)
        self.factor, self.mixed = np.exp(-1 / synapse), mixed

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.current = brainstate.HiddenState(jnp.zeros_like(self.V.value))

    def update(self, x: Any) -> Any:
        before = self.V.value if self.mixed else self.current.value
        self.current.value = self.factor * before + x
        return super().update(self.current.value)


class Exponential(Leaky):
    """A membrane with an exponential upswing near the threshold and a hard reset."""

    def update(self, x: Any) -> Any:
        kept = jnp.where(self.V.value > self.design.threshold, 0, self.V.value)
        drive = 0.1 * jnp.exp((kept - self.design.threshold) / 0.1)
        self.V.value = (self.decay * kept + drive + x).astype(self.design.dtype)
        return self.get_spike()


class Volts(Leaky):
    """`Leaky` in millivolts, which calls its spike function with a voltage."""

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.V = brainstate.HiddenState(self.V.value * u.mV)

    def get_spike(self) -> Any:
        return self.spk_fun(self.V.value - self.design.threshold * u.mV)

    def update(self, x: Any) -> Any:
        reset = jax.lax.stop_gradient(self.get_spike()) * self.design.threshold * u.mV
        self.V.value = self.decay * self.V.value + x * u.mV - reset
        return self.get_spike()


def published(name: str) -> Callable[..., Any]:
    """Neurons of brainpy.state, which take a current."""

    def neurons(size: Any, design: Design, **options: Any) -> Any:
        units = {"V_reset": u.mV, "V_rest": u.mV, "beta": u.mV, "tau_ref": u.ms, "tau_a": u.ms}
        options = {key: x * units[key] if key in units else x for key, x in options.items()}
        options |= {"tau": design.tau * u.ms, "V_th": design.threshold * u.mV}
        return getattr(brainpy.state, name)(size, spk_fun=design.surrogate, **options)

    return neurons


NEURONS = {"Leaky": Leaky, "Synaptic": Synaptic, "Exponential": Exponential, "Volts": Volts}
NEURONS |= {name: published(name) for name in ("LIF", "ALIF", "LIFRef")}


class Block(brainstate.nn.Module):
    """Weights, what may follow them, and neurons, whose spikes may come back."""

    def __init__(self, inputs: int, size: int, design: Design, *, first: bool = False):
        super().__init__()
        self.design, self.residual = design, design.shape == "residual" and not first
        self.image = (SIDE, SIDE) if design.shape == "convolutional" else None
        if self.image:
            self.into = brainstate.nn.Conv2d((*self.image, inputs), size, 3)
        else:
            self.into = Dense(inputs, size, design)
        self.back = Dense(size, size, design) if design.shape == "recurrent" else None
        kinds = {"batch": brainstate.nn.BatchNorm0d, "layer": brainstate.nn.LayerNorm}
        self.norm = kinds[design.norm]((size,)) if design.norm else None
        self.drop = brainstate.nn.Dropout(design.keep) if design.keep < 1 else None
        shape = (*self.image, size) if self.image else size
        self.neuron = NEURONS[design.neuron](shape, design, **dict(design.options))
        self.shape = (shape,) if isinstance(shape, int) else shape

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        zeros = jnp.zeros((*batch, *self.shape), self.design.dtype)
        self.last = brainstate.HiddenState(zeros) if self.back else None
        self.waiting = [brainstate.HiddenState(zeros) for _ in range(self.design.delay)]

    def update(self, x: Any) -> Any:
        d = self.design
        current = self.into(x) if self.norm is None else self.norm(self.into(x))
        current = d.gain * d.current(current)
        if self.back is not None:
            current = current + d.gain * self.back(self.last.value)
        current = self.drop(current) if self.drop else current
        spikes = d.spikes(self.neuron(current if d.neuron in LOCAL else current * u.mA))
        if self.back is not None:
            self.last.value = spikes
        spikes = spikes + x if self.residual else spikes
        for state in self.waiting:
            spikes, state.value = state.value, spikes
        return spikes


LOCAL = ("Leaky", "Synaptic", "Exponential", "Volts")  # neurons that take numbers


class Balanced(brainstate.nn.Module):
    """Excitatory neurons, and inhibitory ones that are driven by them; weights keep their sign."""

    def __init__(self, inputs: int, size: int, design: Design):
        super().__init__()
        self.design, few = design, size // 4
        self.into = Dense(inputs, size, design)
        positive = lambda a, b: Dense(a, b, design, weight=jnp.abs)
        self.ee, self.ei, self.ie = positive(size, size), positive(size, few), positive(few, size)
        make = NEURONS[design.neuron]
        self.exc, self.inh, self.size = make(size, design), make(few, design), (size, few)

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.last = [brainstate.HiddenState(jnp.zeros((*batch, n))) for n in self.size]

    def update(self, x: Any) -> Any:
        d, (e, i) = self.design, self.last
        loop = 0.2 * self.ee(e.value) - d.inhibition * self.ie(i.value)
        drive = d.gain * (self.into(x) + loop) * u.mA
        i.value = self.inh(d.gain * self.ei(e.value) * u.mA)
        e.value = self.exc(drive)
        return e.value


class Network(brainstate.nn.Module):
    """Blocks and a readout: weights without spikes, or neurons, one for each class."""

    def __init__(self, design: Design):
        super().__init__()
        self.design = d = design
        size = lambda i: d.width if i else (1 if d.shape == "convolutional" else PIXELS)
        make = Balanced if d.shape == "inhibited" else Block
        first = lambda i: {} if make is Balanced else {"first": i == 0}
        if d.shape == "branches":  # one sees the upper six rows, the other the lower two
            self.blocks = [Block(48, d.width, d), Block(16, 16, dataclasses.replace(d, begin=same))]
            self.readouts = [Dense(d.width, CLASSES, d), Dense(16, CLASSES, d)]
            return
        self.blocks = [make(size(i), d.width, d, **first(i)) for i in range(d.layers)]
        features = d.width * (SIDE * SIDE if d.shape == "convolutional" else 1)
        plain = dataclasses.replace(d, begin=d.last, weight=same, shape="plain", norm="", keep=1.0)
        self.readout = (Block if d.readout == "spiking" else Dense)(features, CLASSES, plain)

    def update(self, x: Any) -> Any:
        x = x.astype(self.design.dtype)
        if self.design.shape == "branches":
            parts = (x[..., :48], x[..., 48:])
            return sum(out(b(p)) for b, p, out in zip(self.blocks, parts, self.readouts))
        convolved = self.design.shape == "convolutional"
        x = x.reshape(*x.shape[:-1], SIDE, SIDE, 1) if convolved else x
        for block in self.blocks:
            x = block(x)
        x = x.reshape(*x.shape[:-3], -1) if convolved else x
        return self.design.output(self.readout(x))
