"""What `save_memory` did, as a frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .record import Record, table_of
from .table import Table, text_table


@dataclass(frozen=True, eq=False)
class SavedMemory(Record):
    """Result of `save_memory`: the changed layers of a model, and the unchanged ones.

    ``print`` shows a table.

    Attributes
    ----------
    changed : mapping of str to str
        Path of each neuron with its new surrogate, and of each module that now stores spikes in one
        bit, with its class.
    left : mapping of str to str
        Path of each neuron or layer that did not change, with the reason; and of each sparse
        product that stores spikes in 32 bits, with the megabytes per step.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, save_memory
    >>> neurons = brainpy.state.LIF(4, spk_fun=QPseudoSpike())
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     saved = save_memory(neurons, jnp.ones((20, 4)) * u.mA)
    >>> print(saved)
    LIF  QPseudoSpike(alpha=2.0, residual_dtype='uint8')
    """

    changed: Mapping[str, str]
    left: Mapping[str, str]

    def __str__(self) -> str:
        return text_table(table_of(self).rows[1:], left=2)


@table_of.register
def _(saved: SavedMemory) -> Table:
    """What `save_memory` changed, and what it left."""
    left = [(path, f"left: {why}") for path, why in saved.left.items()]
    return Table([("", "now"), *saved.changed.items(), *left], left=2)
