"""What a neuron is: a node of the model with a spike function and a membrane potential.

No other file names their attributes. A family of neurons that calls them otherwise is added here.
"""

from __future__ import annotations

from typing import Any

import brainstate

SPIKE = "spk_fun"
MEMBRANES = ("V", "v", "mem")  # as in brainpy.state, SpikingJelly and snnTorch


def is_neuron(node: Any) -> bool:
    """Whether a node of a model has a spike function."""
    return hasattr(node, SPIKE)


def spike_of(neuron: Any) -> Any:
    """Its spike function: a surrogate, or any callable."""
    return getattr(neuron, SPIKE)


def set_spike(neuron: Any, spike: Any) -> None:
    """Give it another spike function."""
    setattr(neuron, SPIKE, spike)


def has_membrane(neuron: Any) -> bool:
    """Whether it keeps its membrane potential in a state, and has it already."""
    return any(isinstance(getattr(neuron, name, None), brainstate.State) for name in MEMBRANES)


def membrane_of(neuron: Any) -> brainstate.State:
    """The state with its membrane potential."""
    states = (getattr(neuron, name, None) for name in MEMBRANES)
    return next(state for state in states if isinstance(state, brainstate.State))


def spike_code(neuron: str) -> str:
    """The code for the spike function, from the code for the neuron."""
    return f"{neuron}.{SPIKE}"
