"""The network of `compare`: a recurrent layer of brainpy.state neurons and a linear readout."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._checks import checked_count
from .._surrogate import QPseudoSpike
from .._wording import from_extra

STEP = 1.0 * u.ms
SHORTEST_MEMORY, LEAST_LONG_MEMORY = 1.0, 8.0  # steps

# Factors on the weighted sums, relative to the distance from rest to threshold; of inputs, it is 1
RECURRENT_GAIN = 0.2
READOUT_GAIN = 4.0


class RecurrentNetwork(brainstate.nn.Module):
    """Spiking neurons that see the input and each other; their spikes are summed into outputs.

    An ordinary brainstate model: call ``init_state(batch_size)``, then `update` once per step.

    Membrane time constants range from one step to half the sequence (at least 8 steps), which gives
    memory of every length that a task can need. Inputs are divided by their root mean square, so
    the network takes data of any size and unit.

    Weights are of order 1, because the network divides each sum by the root of its number of
    inputs. So one learning rate of Adam suits all layers.

    Parameters
    ----------
    features, outputs : int
        How many numbers go in and come out at each step.
    steps : int
        Length of a sequence.
    input_rms : float or Quantity
        Root mean square of the inputs, by which they are divided.
    hidden : int
        Number of neurons.
    neuron : str
        A class of `brainpy.state` with a membrane time constant ``tau``, a threshold ``V_th`` and a
        resistance ``R``.
    reset : {"soft", "hard"}
        Reset after a spike: "soft" subtracts V_th - V_reset, "hard" sets the membrane to V_reset.

    Raises
    ------
    LookupError
        If brainpy.state has no such neuron.
    ValueError
        If ``hidden`` is below 1, or ``reset`` is neither value.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        steps: int = 16,
        input_rms: float | u.Quantity = 1.0,
        *,
        hidden: int = 96,
        neuron: str = "LIF",
        reset: str = "soft",
    ) -> None:
        super().__init__()
        checked_count("hidden", hidden)
        if reset not in ("soft", "hard"):
            raise ValueError(f"reset must be 'soft' or 'hard', got {reset!r}. Pass reset='soft'")
        self.input_rms = input_rms
        self.input = _linear(features, hidden)
        self.recurrent = _linear(hidden, hidden)
        self.readout = _linear(hidden, outputs)
        self.biases = brainstate.ParamState(
            {"neurons": jnp.zeros(hidden), "outputs": jnp.zeros(outputs)}
        )
        tau = np.geomspace(SHORTEST_MEMORY, max(LEAST_LONG_MEMORY, steps / 2), hidden)
        self.neuron = neuron_class(neuron)(
            hidden, tau=tau * STEP, spk_fun=QPseudoSpike(), spk_reset=reset
        )
        self.current = _threshold_current(self.neuron, tau)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.spikes = brainstate.HiddenState(jnp.zeros(batch + self.neuron.varshape))
        self.clock = brainstate.ShortTermState(jnp.zeros(()))

    def update(self, x: Array) -> Array:
        """One step: inputs of shape (batch, features) to outputs of shape (batch, outputs)."""
        biases = self.biases.value
        drive = (
            _normalised(self.input, x / self.input_rms)
            + RECURRENT_GAIN * _normalised(self.recurrent, self.spikes.value)
            + biases["neurons"]
        )
        with brainstate.environ.context(dt=STEP, t=self.clock.value * STEP):
            self.spikes.value = self.neuron(drive * self.current)
        self.clock.value += 1
        return READOUT_GAIN * _normalised(self.readout, self.spikes.value) + biases["outputs"]


def neuron_class(name: str) -> type:
    """The class of `brainpy.state` with that name.

    Raises
    ------
    LookupError
        If there is none.
    """
    with from_extra("train", "the network is built from brainpy's neurons"):
        from brainpy import state
    neuron = getattr(state, name, None)
    if not (isinstance(neuron, type) and issubclass(neuron, state.Neuron)):
        raise LookupError(
            f"neuron must be a neuron class of brainpy.state, got {name!r}. Take LIF or ALIF"
        )
    return neuron


def _threshold_current(neuron: Any, tau: np.ndarray) -> u.Quantity:
    """For each neuron, the current that lifts its membrane from rest to threshold in one step."""
    rest = getattr(neuron, "V_rest", 0 * neuron.V_th)
    decay = np.exp(-1 / tau)
    return (neuron.V_th - rest) / neuron.R / (1 - decay)


def _linear(inputs: int, outputs: int) -> brainstate.nn.Linear:
    weights = brainstate.random.normal(size=(inputs, outputs))
    return brainstate.nn.Linear(inputs, outputs, w_init=weights, b_init=None)


def _normalised(layer: brainstate.nn.Linear, x: Array) -> Array:
    """A sum of inputs that does not grow with their number."""
    return layer(x) / np.sqrt(layer.in_size[-1])
