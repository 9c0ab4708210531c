"""Models: find their neurons, set surrogates, run one step, and leave them as they were.

Start with `neuron`, which says what a neuron is, and `find_neurons`.
`set_surrogate` puts a surrogate into neurons, `detached_reset` stops the gradient at their reset.
`inputs` checks inputs, `initial_states` makes states for them, and `one_step` runs a model on one
time step. For measurements, `spike_marks` marks calls of spike functions in a jaxpr, and `restore`
undoes all changes of a model.
"""

from .find_neurons import (
    code_of,
    expression,
    find_neurons,
    find_nodes,
    is_dropout,
    is_mapped,
    required_neurons,
)
from .initial_states import below_mapped, has_dead_states, initialise
from .inputs import at_a_step, axes_swapped, batch_size, checked_inputs, described_inputs
from .neuron import has_membrane, membrane_of, set_membrane, set_spike, spike_of, states_of
from .one_step import OneStep, advance, check_takes_steps, traced_step
from .restore import forget_programs, restoring, traced_afresh
from .set_surrogate import by_population, set_surrogate
from .spike_marks import ARGUMENT, SPIKES, call_spike, mark_spikes
