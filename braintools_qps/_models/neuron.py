"""What a neuron is: a node of the model with a spike function and a membrane potential.

No other file names their attributes. A family of neurons that calls them otherwise is added here.
"""

from __future__ import annotations

import brainstate

from ..typing import Node, SpikeFunction

SPIKE_FUNCTIONS = (
    "spk_fun",
    "spike_grad",
    "surrogate_function",
)  # brainpy.state, snnTorch, SpikingJelly
MEMBRANES = ("V", "v", "mem", "u")


def is_neuron(node: Node) -> bool:
    """Whether a node of a model has a spike function."""
    return any(hasattr(node, name) for name in SPIKE_FUNCTIONS)


def spike_of(neuron: Node) -> SpikeFunction:
    """Its spike function: a surrogate, or any callable."""
    return getattr(neuron, _spike_name(neuron))


def set_spike(neuron: Node, spike: SpikeFunction) -> None:
    """Give it another spike function."""
    setattr(neuron, _spike_name(neuron), spike)


def spike_code(neuron: Node, code: str) -> str:
    """The code for its spike function, from the code for the neuron."""
    return f"{code}.{_spike_name(neuron)}"


def has_membrane(neuron: Node) -> bool:
    """Whether it keeps its membrane potential in a state, and has it already."""
    return bool(_membranes(neuron))


def membrane_of(neuron: Node) -> brainstate.State:
    """The state with its membrane potential."""
    return _membranes(neuron)[0]


def _spike_name(neuron: Node) -> str:
    return next(name for name in SPIKE_FUNCTIONS if hasattr(neuron, name))


def _membranes(neuron: Node) -> list[brainstate.State]:
    """The states that have a name of a membrane, or else the only one that is no parameter."""
    named = [getattr(neuron, name, None) for name in MEMBRANES]
    states = [state for state in named if isinstance(state, brainstate.State)]
    others = [x for x in vars(neuron).values() if isinstance(x, brainstate.ShortTermState)]
    only = others if len(others) == 1 and not isinstance(others[0].value, (dict, tuple)) else []
    return states or only
