"""Running a jaxpr equation by equation: inlined, tapped at its marks, perturbed at its membranes.

All that a release of JAX can break is here and in `signature`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from jax.extend.core.primitives import (
    add_p,
    broadcast_in_dim_p,
    call_p,
    closed_call_p,
    concatenate_p,
    conv_general_dilated_p,
    cumsum_p,
    custom_jvp_call_p,
    custom_vjp_call_p,
    div_p,
    dot_general_p,
    gather_p,
    jit_p,
    max_p,
    min_p,
    mul_p,
    name_p,
    pow_p,
    reduce_sum_p,
    remat_p,
    reshape_p,
    rev_p,
    scan_p,
    scatter_add_p,
    scatter_p,
    select_n_p,
    slice_p,
    sort_p,
    squeeze_p,
    sub_p,
    transpose_p,
    while_p,
)

from .._neurons import ARGUMENT, SPIKES

# Primitives that only call a jaxpr.
INLINED = (call_p, closed_call_p, jit_p, remat_p)
# Functions with a derivative rule of their own.
RULED = (custom_jvp_call_p, custom_vjp_call_p)
# What carries something from one neuron to another.
MIXING = (
    dot_general_p, conv_general_dilated_p, gather_p, scatter_p, scatter_add_p, reduce_sum_p,
    cumsum_p, sort_p, rev_p, scan_p, while_p,
)  # fmt: skip
# Those of them that multiply weights with what comes in.
PRODUCTS = (dot_general_p, conv_general_dilated_p, gather_p)
# What does not, though shapes differ: it changes nothing else, or repeats along axes of length 1.
SHAPING = (
    broadcast_in_dim_p, reshape_p, squeeze_p, slice_p, concatenate_p, select_n_p, transpose_p,
    add_p, sub_p, mul_p, div_p, max_p, min_p, pow_p,
)  # fmt: skip

Bind = Callable[[JaxprEqn, list], Sequence[Any]]


class Call(NamedTuple):
    """What a spike function was called with, and what it gave, without units."""

    argument: Array
    spikes: Array


def inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same jaxpr without calls inside it, so that all its equations are on one level.

    The derivative rules of spike functions go as well: a candidate's slopes stand in for them.
    """
    flat = jax.make_jaxpr(lambda *arguments: evaluate(closed, arguments, _Inliner()))
    return flat(*closed.in_avals)


def with_constants_as_arguments(closed: ClosedJaxpr) -> Jaxpr:
    """The jaxpr of its constants and then its arguments: it holds no array of the model's."""
    jaxpr = closed.jaxpr
    return jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])


def callers(closed: ClosedJaxpr) -> list[str]:
    """For each call of a marked spike function at the top level, in order, whose it is."""
    names = map(_mark, closed.jaxpr.eqns)
    return [name.removeprefix(SPIKES) for name in names if name.startswith(SPIKES)]


def inner_callers(closed: ClosedJaxpr) -> set[str]:
    """Whose spike functions are called inside the loops and branches that are left."""
    inner = (eqn for outer in closed.jaxpr.eqns for eqn in equations_within(outer))
    names = map(_mark, inner)
    return {name.removeprefix(SPIKES) for name in names if name.startswith(SPIKES)}


def equations_within(eqn: JaxprEqn) -> Iterator[JaxprEqn]:
    """All equations of the jaxprs among an equation's parameters, at any depth."""
    for jaxpr in jaxprs_within(eqn):
        yield from jaxpr.eqns


def jaxprs_within(eqn: JaxprEqn) -> Iterator[Jaxpr | ClosedJaxpr]:
    """The jaxprs among an equation's parameters, at any depth."""
    for value in eqn.params.values():
        for part in value if isinstance(value, (tuple, list)) else [value]:
            if isinstance(part, (Jaxpr, ClosedJaxpr)):
                yield part
                for each in part.eqns:
                    yield from jaxprs_within(each)


def weights_before(jaxpr: Jaxpr, candidates: Iterable[Any], result: Any) -> set[Any]:
    """Of some arguments, those that a product takes on the way to a result, no spike after it."""
    alone: dict[Any, set[Any]] = {argument: {argument} for argument in candidates}
    multiplied: dict[Any, set[Any]] = {}
    for eqn in jaxpr.eqns:
        if _mark(eqn).startswith(SPIKES):
            continue
        operands = [atom for atom in eqn.invars if not isinstance(atom, Literal)]
        met = set().union(*(alone.get(operand, ()) for operand in operands))
        passed = set().union(*(multiplied.get(operand, ()) for operand in operands))
        is_product = eqn.primitive in PRODUCTS or (eqn.primitive not in MIXING and _mixes(eqn))
        for variable in eqn.outvars:
            alone[variable] = set() if is_product else met
            multiplied[variable] = passed | met if is_product else passed
    return multiplied.get(result, set())


def reached(jaxpr: Jaxpr, arguments: Iterable[Any]) -> set[Any]:
    """All variables that depend on some arguments, these among them."""
    found = set(arguments)
    for eqn in jaxpr.eqns:
        if any(not isinstance(atom, Literal) and atom in found for atom in eqn.invars):
            found.update(eqn.outvars)
    return found


def run(
    jaxpr: Jaxpr,
    arguments: Sequence[Any],
    perturbations: Mapping[Any, Array],
    tap: Tap,
) -> tuple[list[Any], list[Call]]:
    """Results, and the calls of spike functions in their order.

    ``perturbations`` are added to variables as they are computed.
    """
    return evaluate(jaxpr, arguments, tap, perturbations), tap.calls


def evaluate(
    jaxpr: Any,
    arguments: Sequence[Any],
    bind: Bind,
    perturbations: Mapping[Any, Array] | None = None,
) -> list[Any]:
    """Run a jaxpr, each equation by ``bind``; some variables perturbed as they are computed."""
    constants = []
    if isinstance(jaxpr, ClosedJaxpr):
        jaxpr, constants = jaxpr.jaxpr, jaxpr.consts
    perturbations = perturbations or {}
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments]))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for eqn in jaxpr.eqns:
        results = bind(eqn, [read(atom) for atom in eqn.invars])
        for variable, value in zip(eqn.outvars, results):
            shifted = variable in perturbations
            values[variable] = value + perturbations[variable] if shifted else value
    return [read(atom) for atom in jaxpr.outvars]


@dataclass
class Tap:
    """Runs equations, and notes the argument and the spikes of every spike function on the way.

    ``slopes``, one for each call, are what spikes have as their derivatives. ``shifts``, by
    population, are added to what its spike function is called with. ``blocked`` lets no derivative
    pass from one neuron to another.
    """

    slopes: Iterator[Array] | None = None
    shifts: Mapping[str, Array] = field(default_factory=dict)
    blocked: bool = False
    calls: list[Call] = field(default_factory=list)
    arguments: dict[str, Array] = field(default_factory=dict)

    def __call__(self, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        mark = _mark(eqn)
        if mark.startswith(ARGUMENT):
            return [self._called(mark.removeprefix(ARGUMENT), operands[0])]
        if mark.startswith(SPIKES):
            return [self._spiked(mark.removeprefix(SPIKES), operands[0])]
        if self.blocked and _mixes(eqn):
            operands = [jax.lax.stop_gradient(operand) for operand in operands]
        return bind(eqn, operands)

    def _called(self, name: str, argument: Array) -> Array:
        shift = self.shifts.get(name)
        self.arguments[name] = argument if shift is None else argument + shift
        return self.arguments[name]

    def _spiked(self, name: str, spikes: Array) -> Array:
        argument = self.arguments[name]
        self.calls.append(Call(argument, spikes))
        return spikes if self.slopes is None else _spikes(argument, spikes, next(self.slopes))


def bind(eqn: JaxprEqn, operands: list) -> Sequence[Any]:
    """Run one equation as it stands."""
    results = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(eqn.params))
    return results if eqn.primitive.multiple_results else [results]


class _Inliner:
    """Runs equations, calls equation by equation; within a spike function, rules are calls too."""

    def __init__(self) -> None:
        self.spiking = False

    def __call__(self, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        mark = _mark(eqn)
        self.spiking = mark.startswith(ARGUMENT) or (self.spiking and not mark.startswith(SPIKES))
        if eqn.primitive in INLINED or (self.spiking and eqn.primitive in RULED):
            return evaluate(_called_by(eqn), operands, self)
        return bind(eqn, operands)


def _called_by(eqn: JaxprEqn) -> ClosedJaxpr:
    inner = next(eqn.params[key] for key in ("call_jaxpr", "jaxpr") if key in eqn.params)
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def _mixes(eqn: JaxprEqn) -> bool:
    """Whether a neuron's result depends on another neuron's operand.

    A primitive that is not known, a sparse product for example, does where the shapes differ.
    """
    if eqn.primitive in MIXING:
        return True
    shapes = {getattr(v.aval, "shape", ()) for v in [*eqn.invars, *eqn.outvars]} - {()}
    return len(shapes) > 1 and eqn.primitive not in SHAPING


def _mark(eqn: JaxprEqn) -> str:
    return eqn.params["name"] if eqn.primitive is name_p else ""


@jax.custom_jvp
def _spikes(argument: Array, spikes: Array, slope: Array) -> Array:
    """Known spikes, with known slopes as their derivatives with respect to the argument."""
    return spikes


@_spikes.defjvp
def _(primals, tangents):
    _, spikes, slope = primals
    return spikes, (slope * tangents[0]).astype(spikes.dtype)
