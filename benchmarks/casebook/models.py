"""Small networks that learn nothing, rebuilt from what users of other libraries have reported."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools import surrogate as bts
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, normalize_rates, normalize_surrogate, set_surrogate

PIXELS, SIDE, CLASSES = 64, 8, 10


class Leaky(brainstate.nn.Module):
    """Leaky integrate-and-fire neurons that lose the threshold in the step after a spike."""

    def __init__(
        self, size: Any, spk_fun: Any, *, decay: float = 0.9, threshold: float = 1.0, detach=True
    ):
        super().__init__()
        self.size = (size,) if isinstance(size, int) else tuple(size)
        self.spk_fun, self.decay, self.threshold, self.detach = spk_fun, decay, threshold, detach

    def init_state(self, batch_size: int | None = None) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, *self.size)))

    def spikes(self) -> Any:
        return self.spk_fun(self.V.value - self.threshold)

    def update(self, x: Any) -> Any:
        reset = self.spikes() * self.threshold
        reset = jax.lax.stop_gradient(reset) if self.detach else reset
        self.V.value = self.decay * self.V.value + x - reset
        return self.spikes()


class Synaptic(Leaky):
    """The same, driven by a current that decays; or, mixed up, by the membrane in its place."""

    def __init__(self, *args: Any, current_decay: float = 0.8, mixed_up: bool = False, **options):
        super().__init__(*args, **options)
        self.current_decay, self.mixed_up = current_decay, mixed_up

    def init_state(self, batch_size: int | None = None) -> None:
        super().init_state(batch_size)
        self.current = brainstate.HiddenState(jnp.zeros_like(self.V.value))

    def update(self, x: Any) -> Any:
        before = self.V.value if self.mixed_up else self.current.value
        self.current.value = self.current_decay * before + x
        return super().update(self.current.value)


class Recurrent(brainstate.nn.Module):
    """A layer whose spikes come back to it in the next step."""

    def __init__(self, inputs: int, size: int, spk_fun: Any, **options: Any):
        super().__init__()
        self.into, self.back = dense(inputs, size), dense(size, size)
        self.cell = Leaky(size, spk_fun, **options)

    def update(self, x: Any) -> Any:
        return self.cell(self.into(x) + self.back(self.cell.spikes()))


class Reshape(brainstate.nn.Module):
    def __init__(self, axes: int, shape: Sequence[int]):
        super().__init__()
        self.axes, self.shape = axes, tuple(shape)

    def update(self, x: Any) -> Any:
        return x.reshape(*x.shape[: x.ndim - self.axes], *self.shape)


class Overflowing(Surrogate):
    """A sigmoid whose derivative is inf / inf some way below the threshold."""

    def __init__(self, slope: float = 25.0):
        super().__init__()
        self.slope = slope

    def surrogate_fun(self, x: Any) -> Any:
        return jax.nn.sigmoid(self.slope * x)

    def surrogate_grad(self, x: Any) -> Any:
        e = jnp.exp(-self.slope * x)
        return self.slope * e / (e + 1) ** 2


class Network(brainstate.nn.Module):
    """Layers and a readout that has no spikes."""

    def __init__(self, layers: Sequence[Any], features: int):
        super().__init__()
        self.layers, self.readout = list(layers), dense(features, CLASSES)

    def update(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.readout(x)


def uniform(shape: Sequence[int], fan_in: int) -> Any:
    """PyTorch's initialisation of linear and convolutional layers, biases included."""
    return brainstate.random.uniform(-1, 1, tuple(shape)) / np.sqrt(fan_in)


def dense(inputs: int, outputs: int) -> brainstate.nn.Linear:
    init = partial(uniform, fan_in=inputs)
    return brainstate.nn.Linear(inputs, outputs, w_init=init, b_init=init)


def convolution(side: int, inputs: int, outputs: int, biased: bool) -> brainstate.nn.Conv2d:
    init = partial(uniform, fan_in=9 * inputs)
    bias = init if biased else None
    return brainstate.nn.Conv2d((side, side, inputs), outputs, 3, w_init=init, b_init=bias)


def deep(spk_fun: Any, depth: int, *, width: int = 64, kind: Any = Leaky, **options) -> Network:
    layers: list[Any] = []
    for i in range(depth):
        layers += [dense(width if i else PIXELS, width), kind(width, spk_fun, **options)]
    return Network(layers, width)


def convolutional(
    spk_fun: Any,
    thresholds: Sequence[float],
    *,
    kind: Any = Leaky,
    biased: bool = True,
    channels: int = 4,
    **options: Any,
) -> Network:
    layers: list[Any] = [Reshape(1, (SIDE, SIDE, 1))]
    for i, threshold in enumerate(thresholds):
        neurons = kind((SIDE, SIDE, channels), spk_fun, threshold=threshold, **options)
        layers += [convolution(SIDE, channels if i else 1, channels, biased), neurons]
    features = SIDE * SIDE * channels
    return Network([*layers, Reshape(3, (features,))], features)


def fast_sigmoid(slope: float) -> QPseudoSpike:
    """snnTorch's: 1 / (1 + slope * abs(x))**2."""
    return QPseudoSpike(2.0, scale=1.5 / slope, dampening=1.5 / slope)


def constant(images: Any, steps: int) -> Any:
    """Each image as a constant current, of shape (steps, batch, pixels)."""
    flat = images.reshape(len(images), -1)
    return jnp.broadcast_to(flat, (steps, *flat.shape))


def twelve_times(images: Any) -> Any:
    return constant(images, 12)


def positive(network: Network) -> Network:
    """All weights with their sign removed, as of a device that has no negative ones."""
    return weights_changed(network, jnp.abs)


def weights_changed(network: Network, change: Callable[[Any], Any]) -> Network:
    for layer in brainstate.graph.nodes(network).values():
        if isinstance(layer, brainstate.nn.Linear):
            weights = layer.weight.value
            layer.weight.value = weights | {"weight": change(weights["weight"])}
    return network


def centred(network: Network, inputs: Any) -> None:
    """Weights of both signs: each matrix loses its mean."""
    weights_changed(network, lambda weights: weights - weights.mean())
    normalize_rates(network, inputs)


def lower(network: Network, inputs: Any) -> None:
    set_surrogate(network, normalize_surrogate(network, inputs))


def severed() -> Network:
    """Two layers, and nothing leads back from the second to the first."""
    network = deep(bts.Arctan(), 2)
    network.layers.insert(2, jax.lax.stop_gradient)
    return network


@dataclasses.dataclass(frozen=True)
class Case:
    """A failure that was reported in public.

    ``reported`` makes the network as it was, ``rewritten`` with the mistake in its code mended,
    and ``cure`` changes a network that has been made. ``cause`` and ``population`` are what
    gradient_flow is to find.
    """

    thread: str  # owner/repository#number
    seen: str
    reported: Callable[[], Network]
    cause: str
    population: str
    done: str
    rewritten: Callable[[], Network] | None = None
    cure: Callable[[Network, Any], Any] | None = None
    remark: str = ""  # where it turned out otherwise than reported
    shown: Callable[[Any], Any] = twelve_times
    epochs: int = 8
    learning_rate: float = 1e-3


def mixed_up(value: bool) -> Network:
    return deep(
        bts.Arctan(), 1, width=32, kind=Synaptic, current_decay=0.8, mixed_up=value, decay=0.9
    )


def three_convolutions(spk_fun: Any) -> Network:
    options = {"kind": Synaptic, "current_decay": 0.7, "decay": 0.8, "biased": False}
    return convolutional(spk_fun, (1.0, 1.0, 1.0), **options)


def recurrent() -> Network:
    return Network([Recurrent(PIXELS, 64, bts.Sigmoid())], 64)


CASES = {
    "spikingjelly-190": Case(
        thread="fangwei123456/spikingjelly#190",
        seen="A deep network learns with arctan or sigmoid, and not with S2NN or a rectangle.",
        reported=partial(deep, bts.S2NN(), 8),
        cause="silent",
        population="layers.5",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
        remark="Turned out otherwise: with a sigmoid (the next case) the same network does little "
        "better, and at rates of 0.1 both learn. Silence was the cause, not the surrogate.",
    ),
    "spikingjelly-285": Case(
        thread="fangwei123456/spikingjelly#285",
        seen="Firing rates fall with depth and are 0 from the fifth layer on; all images get the "
        "same class.",
        reported=partial(deep, bts.Sigmoid(), 8),
        cause="silent",
        population="layers.5",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
    ),
    "snntorch-66": Case(
        thread="jeshraghian/snntorch#66",
        seen="All weights are positive, as on a device; membranes run away to 100 times the "
        "threshold.",
        reported=lambda: positive(
            deep(fast_sigmoid(25.0), 2, kind=Synaptic, current_decay=0.9, decay=0.8)
        ),
        cause="saturated",
        population="layers.1",
        done="weights of both signs (each matrix less its mean), then `normalize_rates`",
        cure=centred,
    ),
    "spytorch-2": Case(
        thread="fzenke/spytorch#2",
        seen="A sigmoid of slope 100 with its prefactor, and a gradient that passes through the "
        "reset.",
        reported=partial(deep, bts.Sigmoid(100.0), 1, detach=False),
        cause="too high",
        population="layers.1",
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`",
        cure=lower,
        shown=partial(constant, steps=30),
    ),
    "snntorch-427": Case(
        thread="jeshraghian/snntorch#427",
        seen="The loss behaves weirdly with a sigmoid of slope 25.",
        reported=partial(deep, Overflowing(25.0), 2),
        cause="not finite",
        population="layers.3",
        done="the derivative as `slope * sigmoid(z) * sigmoid(-z)`; `check_surrogate` finds it too",
        rewritten=partial(deep, bts.Sigmoid(25.0), 2),
    ),
    "snntorch-350": Case(
        thread="jeshraghian/snntorch#350",
        seen="The membrane is assigned to the synaptic current, and both run to infinity.",
        reported=partial(mixed_up, True),
        cause="not finite",
        population="layers.1",
        done="the current assigned to itself",
        rewritten=partial(mixed_up, False),
        shown=partial(constant, steps=200),
        epochs=4,
    ),
    "norse-125": Case(
        thread="norse/norse#125",
        seen="No gradient arrives behind a layer.",
        reported=severed,
        cause="disconnected",
        population="layers.1",
        done="the `stop_gradient` removed",
        rewritten=partial(deep, bts.Arctan(), 2),
    ),
    "stbp-6": Case(
        thread="yjwu17/STBP-for-training-SpikingNN#6",
        seen="The loss of a convolutional network stays what it was; a threshold of 0.25 in place "
        "of 0.75 helps.",
        reported=lambda: convolutional(bts.ReluGrad(1.0, 0.5), (0.75, 0.75), decay=0.25),
        cause="silent",
        population="layers.2",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
        epochs=4,
    ),
    "snntorch-33": Case(
        thread="jeshraghian/snntorch#33",
        seen="Three convolutions, with neurons of the second order, learn nothing.",
        reported=partial(three_convolutions, fast_sigmoid(25.0)),
        cause="out of reach",
        population="layers.2",
        done="a `scale` twice as large",
        rewritten=partial(three_convolutions, fast_sigmoid(25.0).replace(scale=3 / 25)),
        remark="Turned out otherwise: this network learns without help, and a wider surrogate "
        "gains nothing. The maintainer suspected a forward pass without the time steps.",
        epochs=3,
    ),
    "snntorch-219": Case(
        thread="jeshraghian/snntorch#219",
        seen="Four convolutions learn nothing, and thresholds of almost 0 in the last two do not "
        "help.",
        reported=partial(
            convolutional, fast_sigmoid(25.0), (0.3, 0.3, 0.001, 0.001), biased=False, decay=0.95
        ),
        cause="too high",
        population="layers.6",
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`",
        cure=lower,
        remark="Turned out otherwise: it learns without help, and the cure gains nothing. The line "
        "does name the first layer whose threshold is almost 0, where slopes are highest.",
        epochs=3,
    ),
    "recurrent-500": Case(
        thread="",
        seen="A recurrent network over 500 steps learns nothing.",
        reported=recurrent,
        cause="not finite",
        population="layers.0.cell",
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`",
        cure=lower,
        shown=partial(constant, steps=500),
        epochs=3,
        learning_rate=3e-3,
    ),
}
