"""Kinds of surrogates: what differs in nothing but numbers trains in one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._registry import surrogate_spec
from .._surrogate import QPseudoSpike, Scaled

SCALED = ("scale", "dampening")


class Kind(NamedTuple):
    """``build(numbers)`` makes a surrogate of it, of numbers that may be traced."""

    identity: tuple[Any, ...]  # equal for surrogates of one kind
    numbers: dict[str, float]
    build: Callable[[Mapping[str, Any]], Surrogate]


def kind_of(surrogate: Surrogate) -> Kind:
    """What can be traced of a surrogate, and what cannot.

    A surrogate of another library counts as one in `Scaled` that changes nothing, so that it shares
    a program with all that are dampened.
    """
    if type(surrogate) not in (QPseudoSpike, Scaled):
        surrogate = Scaled(surrogate)
    own = ("alpha",) if isinstance(surrogate, QPseudoSpike) else ()
    values = {name: getattr(surrogate, name) for name in (*own, *SCALED)}
    if not all(map(_is_traceable, values.values())):
        held = tuple(map(_by_value, values.values()))
        shared = _identity(_inner(surrogate)), surrogate.residual_dtype, *values
        return Kind((*shared, *held), {}, lambda numbers: surrogate)
    # A scale with a unit stays as it is, so that an error about units can name it.
    traced = {n: float(v) for n, v in values.items() if v is not None and not _has_unit(v)}
    fixed = {name: repr(value) for name, value in values.items() if name not in traced}
    return Kind(
        (_identity(_inner(surrogate)), surrogate.residual_dtype, *traced, *fixed.items()),
        traced,
        lambda numbers: surrogate.replace(**{name: numbers[name] for name in traced}),
    )


def adjusted(surrogate: Surrogate, setting: Mapping[str, Any]) -> Surrogate:
    """The surrogate at a setting: ``dampening`` and ``scale`` are factors, ``alpha`` is a value.

    Raises
    ------
    ValueError
        If the setting has an alpha and the surrogate none.
    """
    if "alpha" in setting:
        surrogate = _with_alpha(surrogate, setting["alpha"])
    factors = {name: setting[name] for name in SCALED if setting.get(name, 1) != 1}
    if not factors:
        return surrogate
    if not isinstance(surrogate, (QPseudoSpike, Scaled)):
        surrogate = Scaled(surrogate)
    own = {name: getattr(surrogate, name) for name in factors}
    return surrogate.replace(
        **{n: factor * (1.0 if own[n] is None else own[n]) for n, factor in factors.items()}
    )


def _with_alpha(surrogate: Surrogate, alpha: float) -> Surrogate:
    if isinstance(surrogate, Scaled):
        return surrogate.replace(surrogate=_with_alpha(surrogate.surrogate, alpha))
    if not hasattr(surrogate, "alpha"):
        raise ValueError(
            f"tune names alpha, which {surrogate!r} does not have. Leave alpha out, or compare "
            "only surrogates that have it"
        )
    if isinstance(surrogate, QPseudoSpike):
        return surrogate.replace(alpha=alpha)
    return type(surrogate)(**{**_parameters(surrogate), "alpha": alpha})


def _identity(inner: Surrogate | None) -> str:
    """The spec as text: not all surrogates of other libraries know when they are equal."""
    return "" if inner is None else str(surrogate_spec(inner))


def _parameters(surrogate: Surrogate) -> dict[str, Any]:
    return {name: value for name, value in surrogate_spec(surrogate).items() if name != "name"}


def _by_value(value: Any) -> Any:
    """What tells it from others: a State and a tracer by which it is, an array by its contents."""
    if value is None:
        return None
    if hasattr(value, "value") or _is_traced(value):
        return id(value)
    numbers = np.asarray(u.get_mantissa(value))
    return numbers.shape, str(numbers.dtype), numbers.tobytes(), str(u.get_unit(value))


def _inner(surrogate: QPseudoSpike | Scaled) -> Surrogate | None:
    return surrogate.surrogate if isinstance(surrogate, Scaled) else None


def _is_traced(value: Any) -> bool:
    return isinstance(u.get_mantissa(value), jax.core.Tracer)


def _has_unit(value: Any) -> bool:
    return isinstance(value, u.Quantity)


def _is_traceable(value: Any) -> bool:
    """Whether it is missing, or one number, which may have a unit."""
    if value is None:
        return True
    if _is_traced(value) or hasattr(value, "value"):
        return False
    return getattr(u.get_mantissa(value), "shape", ()) == ()
