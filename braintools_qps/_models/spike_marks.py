"""Marks that calls of spike functions leave in the jaxpr that they are traced into."""

from __future__ import annotations

from typing import Any

import brainunit as u
from braintools.surrogate import Surrogate
from jax.ad_checkpoint import checkpoint_name

from .._surrogate import SurrogateWithScale, missing_scale
from ..typing import Node, SpikeFunction
from .neuron import set_spike, spike_of

ARGUMENT, SPIKES = "braintools_qps:argument:", "braintools_qps:spikes:"


def mark_spikes(neurons: dict[str, Node]) -> dict[str, u.Unit | None]:
    """Have every call of a spike function leave a mark in the jaxpr that it is traced into.

    Returns
    -------
    dict of str to Unit or None
        The unit of the spike function's argument for each neuron that spiked, None for a number.
        Tracing the model fills it.
    """
    units: dict[str, u.Unit | None] = {}
    for name, neuron in neurons.items():
        set_spike(neuron, _marked(name, spike_of(neuron), units))
    return units


def _marked(name: str, spike: SpikeFunction, units: dict[str, u.Unit | None]) -> SpikeFunction:
    def marked_spike(x: Any) -> Any:
        if isinstance(x, u.Quantity) and x.dim.is_dimensionless:
            x = x.to_decimal()
        units[name] = x.unit if isinstance(x, u.Quantity) else None
        x = checkpoint_name(x, ARGUMENT + name)
        return checkpoint_name(call_spike(spike, x), SPIKES + name)

    return marked_spike


def call_spike(spike: SpikeFunction, x: Any) -> Any:
    """Call a spike function.

    Raises
    ------
    brainunit.UnitMismatchError
        If x has a dimension, and braintools' surrogate, which takes numbers, fails for it.
    """
    try:
        return spike(x)
    except (TypeError, u.UnitMismatchError) as error:
        takes_numbers = isinstance(spike, Surrogate) and not isinstance(spike, SurrogateWithScale)
        if takes_numbers and isinstance(x, u.Quantity):
            raise missing_scale(x.unit, spike) from error
        raise
