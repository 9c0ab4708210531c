"""Parameters of a surrogate: check them, bring them to one form, and compare two surrogates."""

from __future__ import annotations

import copy
import dataclasses
import math
import numbers
from collections.abc import Hashable
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

SMALLEST, LARGEST = 1e-15, 1e15  # scale and dampening
FIXES = {
    "scale": "Measure x and scale in another unit",
    "dampening": "Multiply the loss by a constant instead",
}
RESIDUAL_DTYPES = ("bfloat16", "float16", "uint8")


def canonical(name: str, value: Any) -> Any:
    """Check a hyperparameter and bring it to one form; a State is checked and kept.

    Raises
    ------
    TypeError
        If it is not a real number, an array of them or a State; if ``surrogate`` is no Surrogate.
    ValueError
        If a concrete value is not greater than 0, a concrete scale or dampening is not between
        1e-15 and 1e15, or residual_dtype is not in `RESIDUAL_DTYPES`.
    brainunit.UnitMismatchError
        If alpha or dampening has a dimension.
    """
    if name == "residual_dtype":
        return _canonical_residual_dtype(value)
    if isinstance(value, brainstate.State):
        canonical(name, value.value)
        return value
    if name == "surrogate":
        return _canonical_surrogate(value)
    if name == "scale":
        return _canonical_scale(value)
    return _canonical_positive(name, value)


def current(name: str, value: Any) -> Any:
    """The value to compute with: a State is read when the surrogate is called."""
    return canonical(name, value.value) if isinstance(value, brainstate.State) else value


def product(a: Any, b: Any) -> Any:
    """The product of two scales or two dampenings, where None counts as 1."""
    if a is None or b is None:
        return b if a is None else a
    unit = u.get_unit(a) * u.get_unit(b)
    # By hand: brainunit's product of two Python numbers is an array.
    value = u.get_mantissa(a) * u.get_mantissa(b)
    return value if unit == u.UNITLESS else u.Quantity(value, unit=unit)


def surrogate_key(surrogate: Surrogate) -> Hashable:
    """A key that is equal for two surrogates exactly when they are the same.

    It holds the class and all attributes, those that a subclass adds included. Numbers are compared
    by value, NumPy's arrays by their contents, inner surrogates by their own key, and JAX's arrays,
    tracers and States by identity.
    """
    named = sorted(attributes(surrogate).items(), key=lambda pair: pair[0])
    return type(surrogate), tuple((name, key(value)) for name, value in named)


def attributes(surrogate: Surrogate) -> dict[str, Any]:
    """All attributes by name, those that a dataclass keeps in slots included."""
    fields = dataclasses.fields(surrogate) if dataclasses.is_dataclass(surrogate) else ()
    return {field.name: getattr(surrogate, field.name) for field in fields} | vars(surrogate)


def key(value: Any) -> Hashable:
    """One parameter's part of a `surrogate_key`."""
    if isinstance(value, Surrogate):
        return surrogate_key(value)
    if isinstance(value, u.Quantity):
        return key(value.mantissa), value.unit
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(key, value))
    if isinstance(value, dict):
        return type(value), tuple((name, key(part)) for name, part in value.items())
    if isinstance(value, (jax.Array, brainstate.State)) or not _is_hashable(value):
        return Same(value)
    return value


class Same:
    """Compares an object by identity, and keeps it alive."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def check_range(name: str, value: Any) -> None:
    """Check that a scale or dampening is between 1e-15 and 1e15, so that no derivative overflows.

    Raises
    ------
    ValueError
        If one is not. Any other name passes.
    """
    if name not in FIXES or (type(value) is float and SMALLEST <= value <= LARGEST):
        return
    values = np.asarray(value, np.float64)
    outside = values[(values < SMALLEST) | (values > LARGEST)]
    if outside.size:
        among = " among its elements" if values.ndim else ""
        raise ValueError(
            f"{name} must be between 1e-15 and 1e15, got {outside[0]:.3g}{among}. {FIXES[name]}"
        )


def source(value: Any) -> str:
    """Python source that evaluates back to a canonical hyperparameter, or to an array's numbers."""
    if isinstance(value, float) and math.isinf(value):
        return "float('inf')"
    if isinstance(value, u.Quantity) and not isinstance(value.mantissa, jax.core.Tracer):
        magnitude = value.mantissa
        shown = (
            source(magnitude) if isinstance(magnitude, float) else np.asarray(magnitude).tolist()
        )
        return f'Quantity({shown}, "{value.unit}")'
    return repr(value)


def _canonical_surrogate(value: Any) -> Surrogate:
    """A copy, which nobody can change from outside."""
    if isinstance(value, Surrogate):
        twin = copy.copy(value)
        vars(twin).update({name: _kept(part) for name, part in vars(twin).items()})
        return twin
    wanted = f"{value!r}" if isinstance(value, str) else getattr(value, "__name__", "...")
    raise TypeError(
        f"surrogate must be an instance of braintools.surrogate.Surrogate, got {value!r}. Build "
        f"one: braintools_qps.get_surrogate({wanted})"
    )


def _canonical_positive(name: str, value: Any) -> Any:
    """A dimensionless hyperparameter: real numbers become floats, the rest is checked and kept."""
    if isinstance(value, u.Quantity):
        if not value.dim.is_dimensionless:
            raise u.UnitMismatchError(
                f"{name} must be dimensionless, got {value}. Divide it by a unit, for example "
                f"{name}={name} / u.{value.unit}",
                value.unit,
                u.UNITLESS,
            )
        value = value.to_decimal()
    value = _own(name, value)
    _check_positive(name, value)
    return value


def _canonical_scale(value: Any) -> Any:
    """None, a number or a Quantity; ``u.mV`` becomes 1 mV."""
    if value is None:
        return None
    if isinstance(value, u.Unit):
        value = u.Quantity(1.0, unit=value)
    if not isinstance(value, u.Quantity) or value.dim.is_dimensionless:
        return _canonical_positive("scale", value)
    magnitude = _own("scale", value.mantissa)
    _check_positive("scale", magnitude)
    return u.Quantity(magnitude, unit=value.unit)


def _canonical_residual_dtype(value: Any) -> str | None:
    """None or the name of a dtype that residuals can be stored in."""
    if value is None:
        return None
    try:
        name = jnp.dtype(value).name
    except TypeError:
        name = value
    if name not in RESIDUAL_DTYPES:
        raise ValueError(
            f"residual_dtype must be None or one of {', '.join(RESIDUAL_DTYPES)}, got {value!r}. "
            "uint8 saves the most memory"
        )
    return name


def _own(name: str, value: Any) -> Any:
    """A number as a float, a NumPy array as a read-only copy, anything else as it is."""
    if _is_real_number(value):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(
                f"{name} must be within the range of a float, got a number above 1.8e308. "
                f"For example {name}=2.0"
            ) from None
    return _kept(value)


def _kept(value: Any) -> Any:
    """A NumPy array, in a Quantity too, as a read-only copy; anything else as it is."""
    if isinstance(value, u.Quantity) and isinstance(value.mantissa, np.ndarray):
        return u.Quantity(_kept(value.mantissa), unit=value.unit)
    if not isinstance(value, np.ndarray) or not (value.flags.writeable or value.base is not None):
        return value
    value = value.copy()
    value.setflags(write=False)
    return value


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, (bool, np.bool_)) or not (_is_real_number(value) or _is_real_array(value)):
        raise TypeError(
            f"{name} must be a positive real number, an array of them or a brainstate.State, "
            f"got {value!r}. For example {name}=2.0"
        )
    if isinstance(value, jax.core.Tracer):
        return
    values = np.asarray(value, dtype=np.float64)
    if not np.all(values > 0):
        wrong = value if values.ndim == 0 else f"{values[~(values > 0)][0]} among its elements"
        raise ValueError(f"{name} must be greater than 0, got {wrong}. For example {name}=2.0")
    check_range(name, value)


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_real_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, jax.Array))


def _is_real_array(value: Any) -> bool:
    if not isinstance(value, (np.ndarray, jax.Array)):
        return False
    return jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
