"""What a neuron is: a node of the model with a spike function and a membrane potential.

No other file names their attributes. Under other names, the only surrogate of a node is its spike
function, and its membrane is the only state, or the only one that meets the threshold (see
`neuron_parts` in `_gradient_flow`).
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import brainstate
from braintools.surrogate import Surrogate

from ..typing import Node, SpikeFunction

# As brainpy.state, snnTorch and SpikingJelly call it
SPIKE_FUNCTIONS = ("spk_fun", "spike_grad", "surrogate_function")
MEMBRANES = ("V", "v", "mem", "u")

# The attributes of neurons that call them otherwise.
_spikes: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
_potentials: WeakKeyDictionary[Node, str] = WeakKeyDictionary()


def is_neuron(node: Node) -> bool:
    """Whether a node of a model has a spike function."""
    return bool(_spike_name(node))


def spike_of(neuron: Node) -> SpikeFunction:
    """The spike function of a neuron: a surrogate, or any callable."""
    return getattr(neuron, _spike_name(neuron))


def set_spike(neuron: Node, spike: SpikeFunction) -> None:
    """Give a neuron another spike function."""
    _spikes[neuron] = name = _spike_name(neuron)
    setattr(neuron, name, spike)


def has_membrane(neuron: Node) -> bool:
    """Whether a neuron has a state with its membrane potential already."""
    return bool(_membranes(neuron))


def membrane_of(neuron: Node) -> brainstate.State:
    """The state with its membrane potential."""
    return _membranes(neuron)[0]


def set_membrane(neuron: Node, state: brainstate.State) -> None:
    """Declare one of a neuron's states to be its membrane potential, whatever its name."""
    _potentials[neuron] = next(name for name, x in vars(neuron).items() if x is state)


def states_of(neuron: Node) -> list[brainstate.State]:
    """The states of a neuron that are reset for each batch and hold one array."""
    states = [x for x in vars(neuron).values() if isinstance(x, brainstate.ShortTermState)]
    return [state for state in states if not isinstance(state.value, (dict, tuple))]


def _spike_name(node: Node) -> str:
    """The attribute of a node that holds its spike function; empty if it has none."""
    names = (name for name in SPIKE_FUNCTIONS if hasattr(node, name))
    return next(names, "") or _spikes.get(node, "") or _only_surrogate(node)


def _only_surrogate(node: Node) -> str:
    """The attribute with its only surrogate; empty if a neuron below it may use that one."""
    names = [name for name, value in vars(node).items() if isinstance(value, Surrogate)]
    if len(names) != 1:
        return ""
    below = [other for other in brainstate.graph.nodes(node).values() if other is not node]
    return "" if any(map(is_neuron, below)) else names[0]


def _membranes(neuron: Node) -> list[brainstate.State]:
    """The states that have a name of a membrane, or else the only one that is no parameter."""
    known = [*MEMBRANES, _potentials.get(neuron, "")]
    named = [getattr(neuron, name, None) for name in known]
    states = [state for state in named if isinstance(state, brainstate.State)]
    others = [x for x in vars(neuron).values() if isinstance(x, brainstate.ShortTermState)]
    return states or (states_of(neuron) if len(others) == 1 else [])
