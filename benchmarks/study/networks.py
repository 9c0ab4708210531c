"""The networks of the study: that of `compare`, three layers of it, and adaptive neurons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from jax import Array

from braintools_qps import QPseudoSpike
from braintools_qps._comparison.network import demonstration

from .design import ADAPTIVE, DEEP, FORWARD, LAYER, TWO_KINDS

HIDDEN, LAYERS = 64, 3
STEP = 1.0 * u.ms
INPUT, RECURRENT, READOUT = 1.0, 0.2, 4.0  # of a sum's size, in distances to threshold
SPIKES = 3.0  # between layers: spikes are rarer than the inputs are large


class Layer(brainstate.nn.Module):
    """Neurons with time constants from one step to half of the sequence."""

    def __init__(
        self,
        features: int,
        steps: int,
        gain: float,
        recurrent: bool,
        neurons: type = brainpy.state.LIF,
    ) -> None:
        super().__init__()
        weights = {
            "input": gain * brainstate.random.normal(size=(features, HIDDEN)),
            "bias": jnp.zeros(HIDDEN),
        }
        if recurrent:
            weights["recurrent"] = brainstate.random.normal(size=(HIDDEN, HIDDEN))
        self.weights = brainstate.ParamState(weights)
        tau = np.geomspace(1.0, max(8.0, steps / 2), HIDDEN)
        self.neuron = neurons(HIDDEN, tau=tau * STEP, spk_fun=QPseudoSpike(), spk_reset="soft")
        # This current lifts a membrane from rest to threshold within one step.
        self.current = self.neuron.V_th / self.neuron.R / (1 - np.exp(-1 / tau))

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.spikes = brainstate.HiddenState(jnp.zeros((*batch, HIDDEN)))

    def update(self, x: Array) -> Array:
        weights = self.weights.value
        drive = INPUT * x @ weights["input"] / np.sqrt(x.shape[-1]) + weights["bias"]
        if "recurrent" in weights:
            drive += RECURRENT * self.spikes.value @ weights["recurrent"] / np.sqrt(HIDDEN)
        self.spikes.value = self.neuron(drive * self.current)
        return self.spikes.value


class Stack(brainstate.nn.Module):
    """Layers, one for each kind of neuron that is given, and a linear readout of the last."""

    def __init__(
        self, features: int, classes: int, steps: int, *, recurrent: bool, kinds: Sequence[type]
    ) -> None:
        super().__init__()
        sizes = (features, *[HIDDEN] * (len(kinds) - 1))
        gains = (INPUT, *[SPIKES] * (len(kinds) - 1))
        self.layers = [
            Layer(n, steps, gain, recurrent, kind) for n, gain, kind in zip(sizes, gains, kinds)
        ]
        self.readout = brainstate.ParamState(
            {
                "weight": brainstate.random.normal(size=(HIDDEN, classes)),
                "offset": jnp.zeros(classes),
            }
        )

    def update(self, x: Array) -> Array:
        with brainstate.environ.context(dt=STEP):
            for layer in self.layers:
                x = layer(x)
        out = self.readout.value
        return READOUT * x @ out["weight"] / np.sqrt(HIDDEN) + out["offset"]


def stack(
    features: int,
    classes: int,
    steps: int,
    *,
    recurrent: bool = True,
    kinds: Sequence[type] = (brainpy.state.LIF,) * LAYERS,
) -> Stack:
    """The factory of several layers."""
    return Stack(features, classes, steps, recurrent=recurrent, kinds=kinds)


FACTORIES: Mapping[str, Callable[..., Any]] = {
    LAYER: partial(demonstration, hidden=HIDDEN),
    DEEP: stack,
    FORWARD: partial(stack, recurrent=False),
    ADAPTIVE: partial(demonstration, hidden=HIDDEN, neuron="ALIF"),
    TWO_KINDS: partial(stack, kinds=(brainpy.state.LIF, brainpy.state.ALIF)),
}
