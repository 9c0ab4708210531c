"""The shape of a surrogate gradient in a few numbers, computed from its values alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from .surrogate_with_scale import SurrogateWithScale

# Distances from the threshold, spaced evenly in their logarithm: no width is too small or large.
PER_DECADE = 10_000
DISTANCES = np.concatenate([[0.0], np.logspace(-6, 6, 12 * PER_DECADE + 1)])


@dataclass(frozen=True)
class GradientProfile:
    """Height, width and area of a surrogate gradient, in the unit of its scale.

    Parameters
    ----------
    peak : float
        The largest gradient.
    half_width : tuple of float
        How far below and above the threshold the gradient is at least half its peak; ``inf`` if
        that is beyond a distance of a million.
    area : float
        The integral of the gradient; ``inf`` if it diverges.
    unit : brainunit.Unit or None
        Unit of the widths; the peak is in 1/unit.
    """

    peak: float
    half_width: tuple[float, float]
    area: float
    unit: u.Unit | None


def gradient_profile(surrogate: Surrogate) -> GradientProfile:
    """Measure a surrogate gradient on a fine grid.

    Parameters
    ----------
    surrogate : Surrogate
        With scalar parameters.

    Returns
    -------
    GradientProfile
        Accurate to about four digits.

    Raises
    ------
    ValueError
        If a parameter has several values.
    """
    require_one_shape(surrogate)
    unit = scale_unit(surrogate)
    below, above = (gradient_values(surrogate, sign * DISTANCES, unit) for sign in (-1, 1))
    peak = float(max(below.max(), above.max()))
    return GradientProfile(
        peak=peak,
        half_width=(_half_width(below, peak), _half_width(above, peak)),
        area=_area(below) + _area(above),
        unit=unit,
    )


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


def scale_of(surrogate: Surrogate) -> Any:
    """The value of x that counts as 1; None where the surrogate has no scale."""
    if isinstance(surrogate, SurrogateWithScale):
        return surrogate._curve().scale
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


def _half_width(gradient: np.ndarray, peak: float) -> float:
    high = np.flatnonzero(gradient >= peak / 2)
    if not high.size:
        return 0.0
    return math.inf if high[-1] == len(gradient) - 1 else float(DISTANCES[high[-1]])


def _area(gradient: np.ndarray) -> float:
    """The integral of one side; beyond the grid, the tail is continued as a power law."""
    inside = float(np.trapezoid(gradient, DISTANCES))
    # The exponent comes from the maxima of the last two decades: the tail may oscillate.
    nearer = np.abs(gradient[-2 * PER_DECADE : -PER_DECADE]).max()
    farther = np.abs(gradient[-PER_DECADE:]).max()
    if farther == 0.0:
        return inside
    exponent = math.log10(nearer / farther)
    if exponent < 1.01:
        return math.inf
    return inside + float(DISTANCES[-1] * gradient[-1]) / (exponent - 1)
