"""Parameters of a surrogate: what a field declares about itself, and the checks of its values."""

from __future__ import annotations

import copy
import dataclasses
import numbers
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from ..typing import ResidualDtype, Scale
from .foreign import is_step

Magnitude: TypeAlias = float | np.ndarray | jax.Array

SMALLEST, LARGEST = 1e-7, 1e7  # of a parameter that has a range
RESIDUAL_DTYPES = ("bfloat16", "float16", "uint8")


class Declaration(NamedTuple):
    """What a field declares in its metadata, besides its name, its type and its default.

    Parameters
    ----------
    convert : callable
        ``(name, value) -> value``: checks a value, unit included, and brings it to one form.
    varies : bool
        Whether the value may be traced, and read from a State.
    measured : bool
        Whether it has the unit of ``x``.
    fix : str
        What to do with a value outside 1e-7 to 1e7; empty where any number above 0 is taken.
    tuned_as : str
        What `compare` calls it in ``tune``; empty if it cannot be tuned.
    """

    convert: Callable[[str, Any], Any]
    varies: bool = False
    measured: bool = False
    fix: str = ""
    tuned_as: str = ""


def declarations(surrogate: Surrogate) -> dict[str, Declaration]:
    """The declarations of a surrogate's fields by name, in the order of its signature.

    A field that a subclass adds without a declaration takes any value.
    """
    kind: Any = type(surrogate)  # for mypy, which confuses the hash of a class and of its objects
    return _declarations(kind)


@cache
def _declarations(kind: type) -> dict[str, Declaration]:
    undeclared = Declaration(convert=lambda name, value: value)
    fields = sorted(dataclasses.fields(kind), key=lambda field: bool(field.kw_only))
    return {field.name: field.metadata.get("declaration", undeclared) for field in fields}


def canonical(name: str, value: Any, declaration: Declaration) -> Any:
    """Check a value and bring it to one form; a State is checked and kept.

    Raises
    ------
    TypeError
        If it is of a wrong type, or a ParamState, whose gradient would always be 0.
    ValueError
        If a concrete number is not above 0 or out of its range, or a dtype is none of
        `RESIDUAL_DTYPES`.
    brainunit.UnitMismatchError
        If it has a dimension and must have none.
    """
    if not isinstance(value, brainstate.State) or not declaration.varies:
        converted = declaration.convert(name, value)
        if declaration.fix:
            check_range(name, u.get_mantissa(converted), declaration.fix)
        return converted
    if isinstance(value, brainstate.ParamState):
        raise TypeError(
            f"{name} must not be a brainstate.ParamState, because its gradient would always be 0: "
            "a spike does not depend on its surrogate. For a schedule pass a "
            "brainstate.ShortTermState. To learn it, differentiate through training steps that "
            f"use {name}=state.value: see the page 'While training'"
        )
    canonical(name, value.value, declaration)
    return value


def product(a: Scale, b: Scale) -> Any:
    """The product of two scales or two dampenings, where None counts as 1."""
    if a is None or b is None:
        return b if a is None else a
    unit = u.get_unit(a) * u.get_unit(b)
    # By hand: brainunit's product of two Python numbers is an array.
    value = u.get_mantissa(a) * u.get_mantissa(b)
    return value if unit == u.UNITLESS else u.Quantity(value, unit=unit)


def check_range(name: str, value: object, fix: str) -> None:
    """Check that a number is between 1e-7 and 1e7, so that no derivative overflows.

    Raises
    ------
    ValueError
        If it is not. A traced value cannot be checked; None and a unit stand for 1.
    """
    if type(value) is float and SMALLEST <= value <= LARGEST:
        return
    if value is None or isinstance(value, (u.Unit, jax.core.Tracer)):
        return
    values = np.asarray(value, np.float64)
    outside = values[(values < SMALLEST) | (values > LARGEST)]
    if outside.size:
        among = " among its elements" if values.ndim else ""
        raise ValueError(f"{name} must be between 1e-7 and 1e7, got {outside[0]:.3g}{among}. {fix}")


def inner_surrogate(name: str, value: Surrogate) -> Surrogate:
    """A copy, which nobody can change from outside."""
    if isinstance(value, Surrogate):
        if not is_step(value):
            raise ValueError(
                f"{name} must send 0 or 1 to be scaled or compared, got {value!r}, whose __call__ "
                "gives other spikes. Leave __call__ to braintools.surrogate.Surrogate"
            )
        twin = copy.copy(value)
        vars(twin).update({part: _kept(held) for part, held in vars(twin).items()})
        return twin
    wanted = f"{value!r}" if isinstance(value, str) else getattr(value, "__name__", "...")
    raise TypeError(
        f"{name} must be an instance of braintools.surrogate.Surrogate, got {value!r}. Build "
        f"one: braintools_qps.get_surrogate({wanted})"
    )


def positive(name: str, value: Any, unit: str = "") -> Magnitude:
    """A number above 0: floats, or what is checked and kept; ``unit`` follows it in messages."""
    if isinstance(value, u.Quantity):
        if not value.dim.is_dimensionless:
            raise u.UnitMismatchError(
                f"{name} must be a number without a unit, got {value}. For example {name}=2.0"
            )
        value = value.to_decimal()
    is_number = isinstance(value, numbers.Real) and not isinstance(value, (bool, jax.Array))
    if not (is_number or _is_real_array(value)):
        with_unit = " or scale=15 * brainunit.mV" if name == "scale" else ""
        raise TypeError(
            f"{name} must be a positive real number, an array of them or a brainstate.State, "
            f"got {value!r}. For example {name}=2.0{with_unit}"
        )
    value = float(value) if is_number else _kept(value)
    if not isinstance(value, jax.core.Tracer):
        values = np.asarray(value, np.float64)
        if not np.all(values > 0):
            among = " among its elements" * (values.ndim > 0)
            wrong = f"{values[~(values > 0)][0] if among else value}{unit}{among}"
            example = f"For example {name}=2.0{unit}"
            raise ValueError(f"{name} must be greater than 0, got {wrong}. {example}")
    return value


def scale(name: str, value: Any) -> Magnitude | u.Quantity | None:
    """None, a number or a Quantity; ``u.mV`` becomes 1 mV."""
    if value is None:
        return None
    if isinstance(value, u.Unit):
        value = u.Quantity(1.0, unit=value)
    if not isinstance(value, u.Quantity) or value.dim.is_dimensionless:
        return positive(name, value)
    number = positive(name, value.mantissa, f" * u.{value.unit}")
    return u.Quantity(number, unit=value.unit)


def residual_dtype(name: str, value: ResidualDtype) -> str | None:
    """None or the name of a dtype that residuals can be stored in."""
    try:
        dtype = None if value is None else jnp.dtype(value).name
    except TypeError:  # no dtype, such as "bf16"
        dtype = str(value)
    if dtype not in (None, *RESIDUAL_DTYPES):
        raise ValueError(
            f"{name} must be None or one of {', '.join(RESIDUAL_DTYPES)}, got {value!r}. "
            "uint8 saves the most memory"
        )
    return dtype


ALPHA = Declaration(positive, varies=True, tuned_as="alpha")
DAMPENING = Declaration(
    positive, varies=True, fix="Multiply the loss by a constant instead", tuned_as="dampening"
)
SCALE = Declaration(
    scale,
    varies=True,
    measured=True,
    fix="Measure x and scale in another unit",
    tuned_as="scale_factor",
)


def _kept(value: Any) -> Any:
    """A NumPy array, in a Quantity too, as a read-only copy; anything else as it is."""
    if isinstance(value, u.Quantity):
        return u.Quantity(_kept(value.mantissa), unit=value.unit)
    if not isinstance(value, np.ndarray):
        return value
    value = value.copy()
    value.setflags(write=False)
    return value


def _is_real_array(value: object) -> bool:
    if not isinstance(value, (np.ndarray, jax.Array)):
        return False
    return jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
