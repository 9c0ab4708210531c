"""Running a jaxpr equation by equation: inlined, tapped at its marks, perturbed at its membranes.

All that a release of JAX can break is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal
from jax.extend.core.primitives import call_p, closed_call_p, jit_p, name_p, remat_p

from .._neurons import ARGUMENT, SPIKES

# Primitives that only call a jaxpr.
INLINED = (call_p, closed_call_p, jit_p, remat_p)

Bind = Callable[[JaxprEqn, list], Sequence[Any]]


class Call(NamedTuple):
    """What a spike function was called with, and what it gave, without units."""

    argument: Array
    spikes: Array


def inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same jaxpr without calls inside it, so that all its equations are on one level."""
    flat = jax.make_jaxpr(lambda *arguments: evaluate(closed, arguments))
    return flat(*closed.in_avals)


def callers(closed: ClosedJaxpr) -> list[str]:
    """For each call of a marked spike function at the top level, in order, whose it is."""
    names = map(_mark, closed.jaxpr.eqns)
    return [name.removeprefix(SPIKES) for name in names if name.startswith(SPIKES)]


def run(
    closed: ClosedJaxpr,
    arguments: Sequence[Any],
    perturbations: Mapping[Any, Array],
    slopes: Sequence[Array] | None,
) -> tuple[list[Any], list[Call]]:
    """Results, and the calls of spike functions in their order.

    ``perturbations`` are added to variables as they are computed. ``slopes``, one for each call,
    are what spikes have as their derivatives, in place of the surrogate's.
    """
    calls: list[Call] = []
    tap = partial(_tap, calls, {}, None if slopes is None else iter(slopes))
    return evaluate(closed, arguments, tap, perturbations), calls


def evaluate(
    closed: ClosedJaxpr,
    arguments: Sequence[Any],
    bind: Bind | None = None,
    perturbations: Mapping[Any, Array] | None = None,
) -> list[Any]:
    """Run a jaxpr, each equation by ``bind``; some variables perturbed as they are computed."""
    jaxpr, bind, perturbations = closed.jaxpr, bind or _bind, perturbations or {}
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed.consts, *arguments]))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for eqn in jaxpr.eqns:
        results = bind(eqn, [read(atom) for atom in eqn.invars])
        for variable, value in zip(eqn.outvars, results):
            shifted = variable in perturbations
            values[variable] = value + perturbations[variable] if shifted else value
    return [read(atom) for atom in jaxpr.outvars]


def _bind(eqn: JaxprEqn, operands: list) -> Sequence[Any]:
    """Run one equation; calls are run equation by equation."""
    if eqn.primitive in INLINED:
        inner = eqn.params["call_jaxpr" if "call_jaxpr" in eqn.params else "jaxpr"]
        closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
        return evaluate(closed, operands)
    results = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(eqn.params))
    return results if eqn.primitive.multiple_results else [results]


def _tap(
    calls: list[Call],
    arguments: dict[str, Array],
    slopes: Iterator[Array] | None,
    eqn: JaxprEqn,
    operands: list,
) -> Sequence[Any]:
    """Run one equation; at a mark, note the spike function's argument or its spikes."""
    mark = _mark(eqn)
    if mark.startswith(ARGUMENT):
        arguments[mark.removeprefix(ARGUMENT)] = operands[0]
    elif mark.startswith(SPIKES):
        argument, spikes = arguments[mark.removeprefix(SPIKES)], operands[0]
        calls.append(Call(argument, spikes))
        return [spikes if slopes is None else _spikes(argument, spikes, next(slopes))]
    else:
        return _bind(eqn, operands)
    return operands


def _mark(eqn: JaxprEqn) -> str:
    return eqn.params["name"] if eqn.primitive is name_p else ""


@jax.custom_jvp
def _spikes(argument: Array, spikes: Array, slope: Array) -> Array:
    """Spikes that are known, with a slope that is known as their derivative by the argument."""
    return spikes


@_spikes.defjvp
def _(primals, tangents):
    _, spikes, slope = primals
    return spikes, (slope * tangents[0]).astype(spikes.dtype)
