"""The boundary between Quantities and plain arrays: strip here, compute there, re-attach here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array

from ..typing import Distance
from .kernels import wide


class Stripped(NamedTuple):
    """An array and parameters without units, all measured in ``unit``."""

    x: Array
    parameters: dict[str, Any]  # the unit itself where x has one and a parameter was not given
    unit: u.Unit | None


def strip(
    x: Distance,
    parameters: Mapping[str, Any],
    *,
    measured: Collection[str] = ("scale",),
    name: str = "x",
    like: Array | None = None,
) -> Stripped:
    """Express x and what is measured like it as plain numbers in the unit of x.

    Integers and booleans become JAX's default float. With ``like`` they take the dtype of a product
    with it, and stay integers if that is one.

    Parameters
    ----------
    x : array_like or Quantity
    parameters : mapping
        Numbers, arrays, Quantities or None.
    measured : collection of str
        Those that have the dimension of x. Of these, None fits any and counts as 1; so does 0.
    name : str
        What errors call x.
    like : Array, optional

    Raises
    ------
    brainunit.UnitMismatchError
        If x and a measured parameter differ in dimension.
    TypeError
        If x is not numeric, or complex.
    """
    if isinstance(x, u.Quantity) and x.dim.is_dimensionless:
        x = x.to_decimal()
    unit = x.unit if isinstance(x, u.Quantity) else None
    array = _as_floating(x.mantissa if isinstance(x, u.Quantity) else x, name, like)
    plain = dict(parameters)
    for parameter in measured:
        _check_dimension(name, unit, parameter, plain[parameter])
        plain[parameter] = _in_unit(plain[parameter], unit, wide(array.dtype))
    return Stripped(array, plain, unit)


def _in_unit(value: Any, unit: u.Unit | None, dtype: jnp.dtype) -> Any:
    """The value as a number in this unit. float16 is widened first: it might overflow."""
    if value is None:
        return 1.0 if unit is None else unit
    if not isinstance(value, u.Quantity):
        return value
    number = value.mantissa
    if not isinstance(number, float):
        number = jnp.asarray(number, dtype)
    return u.Quantity(number, unit=value.unit).in_unit(unit).mantissa


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


def _check_dimension(name: str, unit: u.Unit | None, parameter: str, value: Any) -> None:
    # Numbers first: to ask for their unit takes longer than a spike outside of jit.
    if value is None or (unit is None and not isinstance(value, u.Quantity)):
        return
    expected, got = unit or u.UNITLESS, u.get_unit(value)
    if got.dim == expected.dim or (isinstance(value, float) and value == 0):
        return
    fix = f"Pass {parameter}=1.0 * u.{expected}"
    if unit is None:
        fix = f"Pass {name} with a unit, or {parameter} as a number"
        if name == "x":
            fix += (
                f"; for neurons of brainpy.state leave {parameter} out, as they divide by V_th - "
                "V_reset before they spike"
            )
    raise u.UnitMismatchError(
        f"{name} and {parameter} must have the same dimension, "
        f"got {name} {_in(expected)} and a {parameter} {_in(got)}. {fix}",
        expected,
        got,
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
