"""The boundary between Quantities and plain arrays: strip here, compute there, re-attach here."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array

from ..typing import Distance, Scale


class Stripped(NamedTuple):
    """An array and its scale without units, both measured in ``unit``."""

    x: Array
    scale: Any  # a float or an array; the unit itself where x has one and no scale was given
    unit: u.Unit | None


def strip(x: Distance, scale: Scale, *, name: str = "x", like: Array | None = None) -> Stripped:
    """Express x and scale as plain numbers in the unit of x. Errors call x by ``name``.

    Integers and booleans become JAX's default float. With ``like`` they take the dtype of a product
    with it, and stay integers if that is one.

    Raises
    ------
    brainunit.UnitMismatchError
        If x and scale differ in dimension. A scale of None fits any.
    TypeError
        If x is not numeric, or complex.
    """
    if isinstance(x, u.Quantity) and x.dim.is_dimensionless:
        x = x.to_decimal()
    if not isinstance(x, u.Quantity):
        if isinstance(scale, u.Quantity):
            _reject(name, u.UNITLESS, scale)
        return Stripped(_as_floating(x, name, like), 1.0 if scale is None else scale, None)
    magnitude = _as_floating(x.mantissa, name, like)
    if scale is None:
        return Stripped(magnitude, x.unit, x.unit)
    if not isinstance(scale, u.Quantity) or scale.dim != x.dim:
        _reject(name, x.unit, scale)
    return Stripped(magnitude, _in_unit(scale, x.unit, wide(magnitude.dtype)), x.unit)


def wide(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype to compute in: float32 for half precision."""
    # Not by JAX's promotion, which a user may have set to "strict".
    return dtype if dtype.itemsize >= 4 else jnp.dtype("float32")


def _in_unit(scale: u.Quantity, unit: u.Unit, dtype: jnp.dtype) -> Any:
    """The scale as a number in this unit. float16 is widened first: it might overflow."""
    value = scale.mantissa
    if not isinstance(value, float):
        value = jnp.asarray(value, dtype)
    return u.Quantity(value, unit=scale.unit).in_unit(unit).mantissa


def per_unit(value: Array, unit: u.Unit | None) -> Array | u.Quantity:
    """A derivative with respect to something measured in ``unit``."""
    return value if unit is None else u.Quantity(value, unit=unit.reverse())


def missing_scale(unit: u.Unit, inner: object = None) -> u.UnitMismatchError:
    """The error for a voltage without a scale; ``inner`` is a surrogate that takes numbers only."""
    fix = "scale=V_th - V_reset"
    if inner is not None:
        fix = f"Scaled({inner!r}, {fix})"
    return u.UnitMismatchError(
        f"the surrogate gradient with respect to x in {unit} needs a scale, the distance that "
        f"counts as 1. Pass a Quantity of the same dimension, for example {fix}",
        unit,
        u.UNITLESS,
    )


def _reject(name: str, unit: u.Unit, scale: Scale) -> NoReturn:
    fix = f"Pass scale=1.0 * u.{unit}"
    if unit == u.UNITLESS:
        fix = f"Pass {name} with a unit, or scale as a number"
        if name == "x":
            fix += (
                "; for neurons of brainpy.state leave scale out, as they divide by V_th - V_reset "
                "before they spike"
            )
    raise u.UnitMismatchError(
        f"{name} and scale must have the same dimension, "
        f"got {name} {_in(unit)} and a scale {_in(u.get_unit(scale))}. {fix}",
        unit,
        u.get_unit(scale),
    )


def _in(unit: u.Unit) -> str:
    return "without unit" if unit == u.UNITLESS else f"in {unit}"


def _as_floating(x: Distance, name: str, like: Array | None) -> Array:
    # asarray is for tracers of Python numbers. For a concrete array it would only cost time.
    concrete = not isinstance(x, jax.core.Tracer)
    array = x if isinstance(x, jax.Array) and concrete else jnp.asarray(x)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(
            f"{name} must be real, got dtype {array.dtype}. Pass {name}.real or abs({name})"
        )
    promoted = jnp.result_type(float) if like is None else jnp.result_type(array, like)
    return array.astype(promoted) if jnp.issubdtype(promoted, jnp.floating) else array
