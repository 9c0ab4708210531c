"""What a neuron is, a node with a spike function ``spk_fun``.

Start here with `finding`. `setting` has `set_surrogate`, which puts a surrogate into neurons, and
`detached_reset` what it does to a reset. For measurements, `marks` makes spike functions visible in
a jaxpr, and `preserved` leaves the model as it was.
"""

from .finding import classic_neuron, find_neurons, find_nodes, has_membrane, is_mapped
from .marks import ARGUMENT, SPIKES, mark, spike_of
from .preserved import preserved, states_stay, traced_afresh
from .setting import by_population, set_surrogate

__all__ = [
    "ARGUMENT",
    "SPIKES",
    "by_population",
    "classic_neuron",
    "find_neurons",
    "find_nodes",
    "has_membrane",
    "is_mapped",
    "mark",
    "preserved",
    "set_surrogate",
    "spike_of",
    "states_stay",
    "traced_afresh",
]
