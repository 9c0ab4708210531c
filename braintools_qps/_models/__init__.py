"""What a neuron is, a node with a spike function ``spk_fun``.

Start with `find_neurons`. `set_surrogate` puts a surrogate into neurons, and `detached_reset` stops
the gradient at their reset. For measurements, `spike_marks` marks the calls of spike functions in a
jaxpr, and `restore` leaves the model as it was.
"""

from .find_neurons import classic_neuron, find_neurons, find_nodes, has_membrane, is_mapped
from .restore import keeping_states, restoring, traced_afresh
from .set_surrogate import by_population, set_surrogate
from .spike_marks import ARGUMENT, SPIKES, call_spike, mark_spikes

__all__ = [
    "ARGUMENT",
    "SPIKES",
    "by_population",
    "call_spike",
    "classic_neuron",
    "find_neurons",
    "find_nodes",
    "has_membrane",
    "is_mapped",
    "keeping_states",
    "mark_spikes",
    "restoring",
    "set_surrogate",
    "traced_afresh",
]
