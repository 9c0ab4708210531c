"""The demonstration network: one recurrent layer of brainpy.state neurons and a linear readout."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

STEP = 1.0 * u.ms

# Of the weights' sums, in units of the distance from rest to threshold.
INPUT_GAIN = 1.0
RECURRENT_GAIN = 0.2
READOUT_GAIN = 4.0


class RecurrentClassifier(brainstate.nn.Module):
    """Spiking neurons that see the input and each other; their spikes are summed into classes.

    It is an ordinary brainstate model: ``init_state(batch_size)``, then `update` once per step.

    Parameters
    ----------
    weights : mapping
        What `initial_weights` returns, or what became of it in training.
    surrogate : callable
        The spike function of the neurons.
    neuron : str
        A class of `brainpy.state` with a membrane time constant ``tau``, a threshold ``V_th`` and a
        resistance ``R``.
    reset : {"soft", "hard"}
        How the membrane comes down after a spike.
    time_constants : tuple of float
        Shortest and longest membrane time constant in steps; the neurons' are spaced evenly, on a
        logarithmic scale, between the two.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        surrogate: Surrogate,
        *,
        neuron: str = "LIF",
        reset: str = "soft",
        time_constants: tuple[float, float] = (1.0, 8.0),
    ) -> None:
        super().__init__()
        self.weights = brainstate.ParamState(dict(weights))
        hidden = len(weights["bias"])
        tau = np.geomspace(*time_constants, hidden)
        self.neuron = neuron_class(neuron)(
            hidden, tau=tau * STEP, spk_fun=surrogate, spk_reset=reset
        )
        self.current = _threshold_current(self.neuron, tau)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.spikes = brainstate.HiddenState(jnp.zeros(batch + self.neuron.varshape))
        self.clock = brainstate.ShortTermState(jnp.zeros(()))

    def update(self, x: Array) -> Array:
        """One step: inputs of shape (batch, features) to outputs of shape (batch, classes)."""
        weights = self.weights.value
        drive = (
            INPUT_GAIN * _normalised_sum(x, weights["input"])
            + RECURRENT_GAIN * _normalised_sum(self.spikes.value, weights["recurrent"])
            + weights["bias"]
        )
        with brainstate.environ.context(dt=STEP, t=self.clock.value * STEP):
            self.spikes.value = self.neuron(drive * self.current)
        self.clock.value += 1
        return (
            READOUT_GAIN * _normalised_sum(self.spikes.value, weights["readout"])
            + weights["offset"]
        )


def initial_weights(key: Array, features: int, hidden: int, classes: int) -> dict[str, Array]:
    """Weights of order 1: the network divides by the root of the number of inputs.

    In this form one learning rate suits all the layers, because a step of Adam changes each sum by
    as much as its number of inputs allows, whatever the layer.
    """
    shapes = {
        "input": (features, hidden),
        "recurrent": (hidden, hidden),
        "readout": (hidden, classes),
    }
    keys = jax.random.split(key, len(shapes))
    weights = {n: jax.random.normal(k, s) for k, (n, s) in zip(keys, shapes.items())}
    return weights | {"bias": jnp.zeros(hidden), "offset": jnp.zeros(classes)}


def neuron_class(name: str) -> type:
    """The class of `brainpy.state` with that name, if the network can be built of it.

    Raises
    ------
    LookupError
        If there is none.
    ValueError
        If it lacks what the network sets: ``tau``, ``V_th``, ``R``, ``spk_fun``, ``spk_reset``.
    """
    try:
        from brainpy import state
    except ImportError as error:
        raise ImportError(
            "the network is built of brainpy's neurons. Run pip install 'braintools-qps[train]'"
        ) from error
    found = getattr(state, name, None)
    if not (isinstance(found, type) and issubclass(found, state.Neuron)):
        raise LookupError(
            f"neuron must be a neuron class of brainpy.state, such as LIF or ALIF, got {name!r}"
        )
    parameters = inspect.signature(vars(found)["__init__"]).parameters
    missing = {"tau", "V_th", "R", "spk_fun", "spk_reset"} - parameters.keys()
    if missing:
        raise ValueError(
            f"the network sets tau, V_th, R, spk_fun and spk_reset of its neurons; "
            f"brainpy.state.{name} has no {', '.join(sorted(missing))}. Take LIF or ALIF"
        )
    return found


def _threshold_current(neuron: Any, tau: np.ndarray) -> u.Quantity:
    """The current that lifts a membrane from rest to threshold within one step, for each neuron."""
    rest = getattr(neuron, "V_rest", 0 * neuron.V_th)
    decay = np.exp(-1 / tau)
    return (neuron.V_th - rest) / neuron.R / (1 - decay)


def _normalised_sum(x: Array, weights: Array) -> Array:
    return x @ weights / np.sqrt(len(weights))
