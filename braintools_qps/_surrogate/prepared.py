"""What shapes a derivative, made ready for JAX: no units, and arrays that broadcast."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array

from . import units
from .curves import Curve, Foreign, with_rank
from .kernels import Static, unwrap

ONE = Static(1.0)


class Shape(NamedTuple):
    """What shapes the derivative: a curve, the value of x that counts as 1, and a factor."""

    curve: Curve
    scale: Any
    dampening: Any


class Prepared(NamedTuple):
    """The same to compute with: arrays in the dtype of the computation, or Static.

    ``scale`` is a Static Unit where x was measured in that unit and no scale was given.
    ``quotient`` is dampening / scale of two numbers, rounded once; None where one is an array.
    """

    curve: Curve
    scale: Any
    dampening: Any
    quotient: Any


def prepare(x: Any, shape: Shape) -> tuple[Array, Prepared, u.Unit | None]:
    """Plain arrays that broadcast together, and the unit that was taken from x."""
    x, scale, unit = units.strip(x, shape.scale)
    prepared = _without_numbers(x, shape._replace(scale=scale))
    others = _shapes(x, prepared)
    if not any(others.values()):
        return x, prepared, unit
    x = _broadcast(x, others)
    ranked = prepared._replace(
        curve=prepared.curve.with_rank(x.ndim),
        scale=with_rank(prepared.scale, x.ndim),
        dampening=with_rank(prepared.dampening, x.ndim),
    )
    return x, ranked, unit


def require_scale(shape: Prepared) -> None:
    """Check that there is a scale, where one is needed.

    Raises
    ------
    brainunit.UnitMismatchError
        If there is none, and x has a unit.
    """
    scale = unwrap(shape.scale)
    if isinstance(scale, u.Unit):
        curve = shape.curve
        scaled = curve.owner.surrogate if isinstance(curve, Foreign) else None
        raise units.missing_scale(scale, scaled)


def _without_numbers(x: Array, shape: Shape) -> Prepared:
    """Numbers as structure in a program that is being compiled, as data outside of one.

    So XLA sees every constant, and outside of jit one program serves a loop over many of them.
    """
    dtype = units.wide(x.dtype)

    def convert(value: Any) -> Any:
        if not isinstance(value, (float, u.Unit)):
            return jnp.asarray(value, dtype)
        if value == 1.0:
            return ONE
        is_structure = isinstance(value, u.Unit) or _is_being_compiled(x)
        return Static(value) if is_structure else dtype.type(value)

    quotient = None
    if isinstance(shape.scale, float) and isinstance(shape.dampening, float):
        quotient = convert(_representable_quotient(shape.dampening, shape.scale, dtype))
    curve = shape.curve.prepared(convert)
    return Prepared(curve, convert(shape.scale), convert(shape.dampening), quotient)


def _is_being_compiled(x: Array) -> bool:
    # Under grad or vmap alone x is a tracer too, but what does not depend on it is not.
    return isinstance(x, jax.core.Tracer) and isinstance(jnp.zeros(()), jax.core.Tracer)


def _representable_quotient(dampening: float, scale: float, dtype: jnp.dtype) -> float:
    smallest, largest = _limits(dtype)
    # XLA multiplies by the reciprocal, which must be a normal number, too.
    if smallest <= scale <= 1 / smallest and dampening / scale <= largest:
        return dampening / scale
    raise ValueError(
        f"in the unit of x, and for {dtype}, scale must lie between {smallest:.2g} and "
        f"{1 / smallest:.2g}, and dampening / scale below {largest:.2g}, got scale={scale:.3g} and "
        f"dampening={dampening:.3g}. Measure x and scale in another unit"
    )


@cache
def _limits(dtype: jnp.dtype) -> tuple[float, float]:
    """The smallest normal number and the largest."""
    limits = jnp.finfo(dtype)
    return float(limits.tiny), float(limits.max)


def _shapes(x: Array, shape: Prepared) -> dict[str, tuple[int, ...]]:
    """What x has to broadcast against, by the name of its parameter."""
    others = shape.curve.shapes(units.wide(x.dtype))
    for name, value in (("scale", shape.scale), ("dampening", shape.dampening)):
        if not isinstance(value, Static):
            others[name] = jnp.shape(value)
    return others


def _broadcast(x: Array, others: dict[str, tuple[int, ...]]) -> Array:
    if all(shape in ((), x.shape) for shape in others.values()):
        return x
    try:
        return jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *others.values()))
    except ValueError:
        raise ValueError(
            f"the parameters of a surrogate must broadcast against x, got shapes {others} and x of "
            f"shape {x.shape}. Give them one value per neuron, along the last axis of x"
        ) from None
