"""Where the membrane lay over the derivative of its surrogate."""

from __future__ import annotations

from typing import Any, cast

import brainunit as u
import numpy as np
from jax import Array

from .._surrogate import QPseudoSpike, Scaled, scale_of
from . import measures
from .slopes import is_constant
from .slopes import slopes as slopes_at

# Where the peak of a derivative is looked for, in multiples of its scale.
_PROBES = np.concatenate([-np.geomspace(1e4, 1e-4, 65), [0.0], np.geomspace(1e-4, 1e4, 65)])


def distances(spike: Any, argument: Array, unit: u.Unit | None, slopes: Array) -> dict[str, Any]:
    """Where the membrane lay and how much of the surrogate gradient it met there."""
    scale = _scale(spike, unit)
    lay = np.asarray(argument, np.float64) / np.asarray(scale)
    edges = measures.bin_edges(lay)
    highest = peak(spike, argument, unit, slopes)
    middles = _probe(spike, argument, unit, (edges[1:] + edges[:-1]) / 2)
    relative = middles.reshape(len(edges) - 1, -1).mean(axis=1)
    mean = float(np.mean(scale))
    return {
        "flat_share": measures.flat_share(np.asarray(slopes), highest),
        "scale": mean if unit is None else u.Quantity(mean, unit=unit),
        "distances": measures.histogram(lay, edges, relative / highest.mean()),
    }


def peak(spike: Any, argument: Array, unit: u.Unit | None, slopes: Array) -> np.ndarray:
    """The largest derivative of each neuron's surrogate."""
    probed = _probe(spike, argument, unit, _PROBES).max(axis=0)
    return np.maximum(probed, np.max(np.asarray(slopes), axis=0))


def _scale(spike: Any, unit: u.Unit | None) -> Any:
    """What the argument is divided by to give a distance, as plain numbers in its unit."""
    scale = scale_of(spike) if isinstance(spike, (QPseudoSpike, Scaled)) else None
    if isinstance(scale, u.Quantity):
        return scale.in_unit(unit).mantissa
    return 1.0 if scale is None else scale


def _probe(spike: Any, argument: Array, unit: u.Unit | None, distances: np.ndarray) -> np.ndarray:
    """The derivative at some distances, along the first axis, for each neuron or once for all."""
    shape = () if is_constant(spike) else argument.shape[1:]
    columns = distances.reshape(-1, *(1 for _ in shape))
    arguments = np.asarray(columns * _scale(spike, unit), np.float32)
    everywhere = np.broadcast_to(arguments, (len(distances), *shape))
    return np.asarray(slopes_at(spike, cast(Array, everywhere), unit))
