"""Copies of a surrogate with another height, width or tail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from ..typing import Hyperparameter, ResidualDtype, Scale
from .keys import value_key
from .parameters import Magnitude, declarations, product
from .scaled import Scaled
from .surrogate_with_scale import SurrogateWithScale


def adjusted(
    surrogate: Surrogate,
    *,
    dampening: Hyperparameter = 1.0,
    scale: Hyperparameter = 1.0,
    residual_dtype: ResidualDtype = None,
    **replaced: Hyperparameter,
) -> Surrogate:
    """A surrogate with some parameters multiplied and others replaced, in `Scaled` if need be.

    Parameters
    ----------
    surrogate : Surrogate
        One of this package or of another library. It stays as it is.
    dampening, scale : float or array, optional
        Factors for the dampening and the scale of the surrogate. They may be traced. A product of
        numbers is rounded to 15 digits, so 0.2504 times 3 reads 0.7512.
    residual_dtype : optional
        Its new value.
    **replaced
        New values of other parameters, such as alpha.

    Raises
    ------
    ValueError
        If another parameter is given and the surrogate has none.
    """
    for name, value in replaced.items():
        surrogate = _with(surrogate, name, value)
    given = {"dampening": dampening, "scale": scale}
    is_one = lambda factor: isinstance(factor, (int, float)) and factor == 1
    factors = {name: factor for name, factor in given.items() if not is_one(factor)}
    if not factors and residual_dtype is None:
        return surrogate
    held = [getattr(surrogate, name, None) for name in factors]
    has_state = any(isinstance(value, brainstate.State) for value in held)
    if has_state or not isinstance(surrogate, SurrogateWithScale):
        surrogate = Scaled(surrogate, residual_dtype=getattr(surrogate, "residual_dtype", None))
    changes = {name: _multiplied(getattr(surrogate, name), by) for name, by in factors.items()}
    if residual_dtype is not None:
        changes["residual_dtype"] = residual_dtype
    return surrogate.replace(**changes)


class Traceable(NamedTuple):
    """A surrogate in two parts: numbers that may be traced, and the rest."""

    key: Hashable  # equal for surrogates that differ only in the numbers
    numbers: dict[str, float]
    build: Callable[[Mapping[str, Magnitude]], Surrogate]


def traceable(surrogate: Surrogate) -> Traceable:
    """Split a surrogate so that one compiled program serves all that differ in numbers alone.

    A surrogate of another library is wrapped in `Scaled` with a dampening of 1, and so shares one
    program with dampened copies of it. A scale with a unit is not split off: errors name it.
    """
    scaled = surrogate if isinstance(surrogate, SurrogateWithScale) else Scaled(surrogate)
    values = vars(scaled)
    vary = [name for name, declaration in declarations(scaled).items() if declaration.varies]
    numbers = {name: float(values[name]) for name in vary if _is_number(values[name])}
    fixed = tuple((name, value_key(value)) for name, value in values.items() if name not in numbers)
    build = lambda values: scaled.replace(**{name: values[name] for name in numbers})
    return Traceable((type(scaled), tuple(numbers), fixed), numbers, build)


def _with(surrogate: Surrogate, name: str, value: Hyperparameter) -> Surrogate:
    if isinstance(surrogate, Scaled):
        return surrogate.replace(surrogate=_with(surrogate.surrogate, name, value))
    if not hasattr(surrogate, name):
        raise ValueError(
            f"{surrogate!r} has no {name} to set or tune. Leave {name} out, or pass surrogates "
            "that have one"
        )
    names = inspect.signature(type(surrogate)).parameters
    return type(surrogate)(**{n: getattr(surrogate, n) for n in names} | {name: value})


def _multiplied(value: Scale, factor: Hyperparameter) -> Scale:
    unit, number = u.get_unit(value), u.get_mantissa(product(value, factor))
    if isinstance(number, float):
        number = float(f"{number:.15g}")
    return number if unit == u.UNITLESS else u.Quantity(number, unit=unit)


def _is_number(value: object) -> bool:
    known = not isinstance(value, jax.core.Tracer)
    return known and isinstance(value, (float, np.ndarray, jax.Array)) and np.ndim(value) == 0
