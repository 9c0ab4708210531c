"""Removes ordered callbacks from a program, which JAX cannot run on more than one device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax

from .._jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, bind, evaluate

ORDERED = "OrderedDebug"  # an effect, by what it is printed as


def without_ordered_callbacks(function: Callable) -> Callable:
    """The function without its ordered callbacks.

    By these brainstate checks values, such as bounds of the default weights of its layers. Other
    callbacks, such as `jax.debug.print`, stay.
    """

    def without(*arguments: Any) -> Any:
        closed, form = jax.make_jaxpr(function, return_shape=True)(*arguments)
        results = evaluate(_unordered(closed), jax.tree.leaves(arguments), bind)
        return jax.tree.unflatten(jax.tree.structure(form), results)

    return without


def _unordered(value: Any) -> Any:
    """A parameter of an equation, with no ordered callbacks in the jaxprs that it holds."""
    if type(value) in (tuple, list):
        return type(value)(map(_unordered, value))
    if isinstance(value, Jaxpr):
        equations = [eqn for eqn in value.eqns if eqn.outvars or not _is_ordered(eqn)]
        return value.replace(eqns=[*map(_without, equations)], effects=_others(value.effects))
    if isinstance(value, ClosedJaxpr):  # from JAX 0.12 on a Jaxpr, too
        return value.replace(jaxpr=_unordered(value.jaxpr))
    return value


def _without(eqn: JaxprEqn) -> JaxprEqn:
    if not _is_ordered(eqn):
        return eqn
    params = {name: _unordered(value) for name, value in eqn.params.items()}
    return eqn.replace(params=params, effects=_others(eqn.effects))


def _is_ordered(eqn: JaxprEqn) -> bool:
    return len(_others(eqn.effects)) < len(eqn.effects)


def _others(effects: Iterable[Any]) -> frozenset[Any]:
    return frozenset(effect for effect in effects if str(effect) != ORDERED)
