"""A surrogate's scale, unit and gradient as NumPy's numbers, for tables and figures."""

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
    shape = gradient_values(surrogate, np.zeros(()), scale_unit(surrogate)).shape
    if math.prod(shape) > 1:
        raise ValueError(
            "a surrogate can be shown only if its parameters are single numbers, got parameters of "
            f"shape {shape}. Show one surrogate for each value"
        )


def scale_of(surrogate: Surrogate) -> Scale:
    """The value of x that counts as 1; None where the surrogate has no scale."""
    if isinstance(surrogate, SurrogateWithScale):
        return surrogate._curve().parameters["scale"]
    return getattr(surrogate, "scale", None)


def scale_unit(surrogate: Surrogate) -> u.Unit | None:
    """The unit that a surrogate's arguments must have."""
    scale = scale_of(surrogate)
    return scale.unit if isinstance(scale, u.Quantity) else None


def gradient_values(surrogate: Surrogate, x: np.ndarray, unit: u.Unit | None) -> np.ndarray:
    """The gradient, in 1/unit, at distances ``x`` in that unit."""
    if unit is None:
        return np.asarray(surrogate.surrogate_grad(np.float32(x)), np.float64)
    gradient = surrogate.surrogate_grad(u.Quantity(np.float32(x), unit=unit))
    return np.asarray(gradient.to_decimal(unit.reverse()), np.float64)
