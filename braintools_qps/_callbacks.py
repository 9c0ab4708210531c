"""Removes ordered callbacks from traced functions. As `_jaxpr`, this depends on JAX's release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

ORDERED = "OrderedDebug"


def without_ordered_callbacks(function: Callable) -> Callable:
    """The function without ordered callbacks, which JAX cannot run on more than one device.

    brainstate checks values by such callbacks: a default-initialised `brainstate.nn.Linear` draws
    its weights from a truncated normal distribution, whose bounds it checks. Other callbacks, such
    as `jax.debug.print`, stay.
    """

    def without(*arguments: Any) -> Any:
        closed, form = jax.make_jaxpr(function, return_shape=True)(*arguments)
        results = jaxpr_as_fun(_kept(closed))(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(form), results)

    return without


def _kept(value: Any) -> Any:
    """A parameter of an equation, with all jaxprs in it freed of ordered callbacks."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(_kept, value))
    if isinstance(value, Jaxpr):
        equations = [_freed(eqn) for eqn in value.eqns if eqn.outvars or not _is_ordered(eqn)]
        return value.replace(eqns=equations, effects=_others(value.effects))
    if isinstance(value, ClosedJaxpr):  # in newer releases a Jaxpr itself
        return value.replace(jaxpr=_kept(value.jaxpr))
    return value


def _freed(eqn: JaxprEqn) -> JaxprEqn:
    if not _is_ordered(eqn):
        return eqn
    params = {name: _kept(value) for name, value in eqn.params.items()}
    return eqn.replace(params=params, effects=_others(eqn.effects))


def _is_ordered(eqn: JaxprEqn) -> bool:
    return len(_others(eqn.effects)) < len(eqn.effects)


def _others(effects: Any) -> frozenset[Any]:
    return frozenset(effect for effect in effects if str(effect) != ORDERED)
