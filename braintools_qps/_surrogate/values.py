"""A surrogate's scale and unit, and whether one curve shows it: for tables and figures."""

from __future__ import annotations

import math

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from ..typing import Scale
from .surrogate_with_scale import SurrogateWithScale


def require_one_shape(surrogate: Surrogate) -> None:
    """Check that the surrogate is the same for all neurons, so that one curve shows it.

    Raises
    ------
    ValueError
        If a parameter has several values.
    """
    unit, zero = scale_unit(surrogate), np.float32(0)
    gradient = surrogate.surrogate_grad(zero if unit is None else u.Quantity(zero, unit=unit))
    shape = np.shape(u.get_mantissa(gradient))
    if math.prod(shape) > 1:
        raise ValueError(
            "a surrogate can be shown only if its parameters are single numbers, got parameters of "
            f"shape {shape}. Show one surrogate for each value"
        )


def scale_of(surrogate: Surrogate) -> Scale:
    """The value of x that counts as 1; None where the surrogate has no scale."""
    if isinstance(surrogate, SurrogateWithScale):
        return surrogate._parameters().values["scale"]
    return getattr(surrogate, "scale", None)


def scale_unit(surrogate: Surrogate) -> u.Unit | None:
    """The unit that a surrogate's arguments must have."""
    scale = scale_of(surrogate)
    return scale.unit if isinstance(scale, u.Quantity) else None
