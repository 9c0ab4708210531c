"""Walk jaxprs equation by equation, whatever this release of JAX calls their parts.

A new release of JAX breaks this file first: it holds what primitives do, by their names, and how
equations call jaxprs. Single names of primitives and of their parameters are also read in `graph`,
`operations`, `relay` and `step` of `_gradient_flow` and in `possible_values` and `products` of
`_memory`; `residuals` of `_surrogate` makes a primitive; JAX's settings are read in `devices` and
`numerics` of `_comparison`; the order of a traced step's arguments, which is brainstate's, where a
`StatefulFunction` is made.

`evaluate` runs a jaxpr. Three functions use it, each with another way to run an equation: `inlined`
opens calls, `run` records spike functions and perturbs membranes, and `follow` computes with facts
about arrays in place of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, Var, primitives

from ._models import ARGUMENT, SPIKES

# Primitives by name. Functions with a custom derivative.
RULED = {"custom_jvp_call", "custom_vjp_call"}
# The result of one neuron may depend on another neuron.
MIXING = set(
    "dot_general conv_general_dilated gather scatter scatter-add reduce_sum reduce_window_sum "
    "cumsum sort rev scan while".split()
)
# The part of MIXING that multiplies inputs by weights. A gather does so if data choose the rows.
PRODUCTS = {"dot_general", "conv_general_dilated"}
# The derivative is 0 or not passed on.
STOPPING = {"stop_gradient", "round", "sign", "floor", "ceil"}
# Each element of the result depends on one element of each operand.
ELEMENTWISE = set(
    "abs add and ceil clamp convert_element_type copy div eq floor ge gt "
    "heaviside_surrogate_gradient integer_pow is_finite le lt max min mul ne neg not or pow "
    "reduce_precision round select_n sign square sub xor".split()
)
# Results hold nothing but elements of the operands.
REARRANGING = set(
    "broadcast_in_dim concatenate expand_dims optimization_barrier pad reduce_and reduce_max "
    "reduce_min reduce_or reduce_window_max reshape rev sharding_constraint slice squeeze "
    "stop_gradient transpose".split()
)
# The same for the operands at these positions; the others are indices.
INDEXING = {
    "split": [0], "dynamic_slice": [0], "gather": [0], "dynamic_update_slice": [0, 1],
    "scatter": [0, 2],
}  # fmt: skip

Bind = Callable[[JaxprEqn, list], Sequence[Any]]


@cache
def calling_primitives() -> frozenset[str]:
    """Names of the primitives that only call a jaxpr, as this release of JAX has them."""
    wrappers = jax.jit, jax.checkpoint, jax.named_call
    traced = [jax.make_jaxpr(wrap(jax.lax.sin))(0.0).eqns[0] for wrap in wrappers]
    calls = {primitive_of(eqn) for eqn in traced if called_by(eqn) is not None}
    return frozenset(calls | {"call", "closed_call", "eval_jaxpr"})


def primitive_of(eqn: JaxprEqn) -> str:
    """The name of a primitive. JAX_REMAT3 has one name for several, told apart by ``_prim``."""
    return type(eqn.params["_prim"]).__name__ if "_prim" in eqn.params else eqn.primitive.name


def parameters_of(eqn: JaxprEqn) -> Mapping[str, Any]:
    """The parameters of an equation; with JAX_REMAT3 those in ``_prim``."""
    return getattr(eqn.params.get("_prim"), "params", eqn.params)


def is_call(eqn: JaxprEqn) -> bool:
    """Whether an equation only calls a jaxpr, or is a name for the code that implements it."""
    return primitive_of(eqn) in calling_primitives() or _is_named_code(eqn)


def _is_named_code(eqn: JaxprEqn) -> bool:
    """Whether it is an operation of braintrace: code under a name that its compiler looks for."""
    return type(eqn.primitive).__module__.startswith("braintrace.")


def called_by(eqn: JaxprEqn) -> ClosedJaxpr | None:
    """The jaxpr that an equation calls; None if it calls none."""
    if _is_named_code(eqn):
        code = partial(eqn.primitive.impl, **eqn.params)
        return jax.make_jaxpr(code)(*(variable.aval for variable in eqn.invars))
    parameters = parameters_of(eqn)
    keys = ("call_jaxpr", "jaxpr", "fun_jaxpr")
    inner = next((parameters[key] for key in keys if key in parameters), None)
    # From JAX 0.12 on both names are one class.
    return inner if inner is None or isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def inlined(closed: ClosedJaxpr) -> tuple[Jaxpr, list[Array]]:
    """The same jaxpr with all calls opened, so that its equations are on one level.

    The derivative rules of spike functions are removed, because the slopes of each candidate
    replace them. Constants are its first arguments, so that it holds no arrays, and come with it.
    """
    opened = jax.make_jaxpr(lambda *arguments: evaluate(closed, arguments, _Inliner()))
    flat = opened(*closed.in_avals)
    arguments = [*flat.jaxpr.constvars, *flat.jaxpr.invars]
    return flat.jaxpr.replace(constvars=[], invars=arguments), flat.consts


def callers(jaxpr: Jaxpr) -> list[str]:
    """Names of the neurons that spike at the top level, one for each call, in order."""
    names = map(mark_of, jaxpr.eqns)
    return [name.removeprefix(SPIKES) for name in names if name.startswith(SPIKES)]


def inner_callers(jaxpr: Jaxpr) -> dict[str, str]:
    """The neurons that spike inside loops and branches, each with the primitive around them."""
    return {
        name.removeprefix(SPIKES): primitive_of(outer)
        for outer in jaxpr.eqns
        for inner in jaxprs_within(outer)
        for name in map(mark_of, inner.eqns)
        if name.startswith(SPIKES)
    }


def jaxprs_within(eqn: JaxprEqn) -> Iterator[Jaxpr | ClosedJaxpr]:
    """The jaxprs among an equation's parameters, at any depth."""
    for value in parameters_of(eqn).values():
        for part in value if isinstance(value, (tuple, list)) else [value]:
            if isinstance(part, (Jaxpr, ClosedJaxpr)):
                yield part
                for each in part.eqns:
                    yield from jaxprs_within(each)


def used_equations(jaxpr: Jaxpr) -> list[JaxprEqn]:
    """The equations on whose results those of the jaxpr depend."""
    needed, used = set(map(id, jaxpr.outvars)), []
    for eqn in reversed(jaxpr.eqns):
        if not needed.isdisjoint(map(id, eqn.outvars)):
            needed.update(map(id, eqn.invars))
            used.append(eqn)
    return used[::-1]


def run(
    jaxpr: Jaxpr,
    arguments: Sequence[Any],
    perturbations: Mapping[Var, Array],
    tap: Tap,
    watched: Sequence[Var] = (),
) -> tuple[list[Any], list[Any]]:
    """Results of a jaxpr, and the values of the variables that are watched.

    A variable in ``perturbations`` has its perturbation added when it is computed.
    """
    values: dict[Var, Any] = dict.fromkeys(watched)

    def perturbed(eqn: JaxprEqn, operands: list) -> list[Any]:
        results = [
            x + perturbations[v] if v in perturbations else x
            for v, x in zip(eqn.outvars, tap(eqn, operands))
        ]
        values.update((v, x) for v, x in zip(eqn.outvars, results) if v in values)
        return results

    results = evaluate(jaxpr, arguments, perturbed)
    return results, [values[v] for v in watched]


def evaluate(
    jaxpr: Any,
    arguments: Sequence[Any],
    bind: Bind,
    constant: Callable[[Any], Any] = lambda array: array,
) -> list[Any]:
    """Run a jaxpr: ``bind`` runs each equation, and ``constant`` converts each constant."""
    constants: Sequence[Any] = ()
    if isinstance(jaxpr, ClosedJaxpr):
        jaxpr, constants = jaxpr.jaxpr, jaxpr.consts
    values = dict(zip(jaxpr.constvars, map(constant, constants)))
    values |= zip(jaxpr.invars, arguments)

    def read(atom: Var | Literal) -> Any:
        return constant(atom.val) if isinstance(atom, Literal) else values[atom]

    for eqn in jaxpr.eqns:
        values |= zip(eqn.outvars, bind(eqn, [read(atom) for atom in eqn.invars]))
    return [read(atom) for atom in jaxpr.outvars]


def follow(
    jaxpr: Jaxpr | ClosedJaxpr,
    arguments: Sequence[Any],
    equation: Bind,
    constant: Callable[[Any], Any],
    join: Callable[..., Any],
) -> list[Any]:
    """Run a jaxpr on facts about its arguments, such as the values that an array can have.

    ``constant`` gives the fact for an array. ``equation`` gives the facts for the results of an
    equation. ``join`` gives the fact that covers several, as after a branch. Calls, branches and
    loops are followed into their bodies.
    """

    def walk(inner: Any, operands: Sequence[Any]) -> list[Any]:
        return follow(inner, operands, equation, constant, join)

    def bind(eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        name, parameters = eqn.primitive.name, eqn.params
        if is_call(eqn) or primitive_of(eqn) in {*RULED, "shard_map"}:
            return walk(called_by(eqn), operands)
        if name == "cond":
            branches = [walk(branch, operands[1:]) for branch in parameters["branches"]]
            return [join(*results) for results in zip(*branches)]
        if name == "while":
            skipped, constants = parameters["cond_nconsts"], parameters["body_nconsts"]
            fixed, carried = operands[skipped:][:constants], operands[skipped:][constants:]
            step = lambda carried: walk(parameters["body_jaxpr"], [*fixed, *carried])
            return settle(step, carried, join)
        if name == "scan":
            first, end = _carried_by_scan(parameters)
            fixed, carried, each = operands[:first], operands[first:end], operands[end:]
            step = lambda carried: walk(parameters["jaxpr"], [*fixed, *carried, *each])
            carried = settle(step, carried, join)
            return [*carried, *step(carried)[len(carried) :]]
        return equation(eqn, operands)

    return evaluate(jaxpr, arguments, bind, constant)


def settle(
    step: Callable[[list], list], carried: Sequence[Any], join: Callable[..., Any]
) -> list[Any]:
    """Facts about the values that a loop carries that hold after any number of steps."""
    while True:
        ahead = [join(*pair) for pair in zip(carried, step(list(carried)))]
        if ahead == list(carried):
            return ahead
        carried = ahead


@dataclass
class Tap:
    """Runs equations, and records the argument of every call of a spike function.

    ``slope`` gives the derivative of the spikes of a neuron, from its name and the argument.
    ``watch`` is called with every equation.
    """

    slope: Callable[[str, Array], Array] | None = None
    watch: Callable[[JaxprEqn, list], None] = lambda eqn, operands: None
    calls: list[Array] = field(default_factory=list)
    arguments: dict[str, Array] = field(default_factory=dict)

    def __call__(self, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        self.watch(eqn, operands)
        mark = mark_of(eqn)
        if mark.startswith(ARGUMENT):
            (self.arguments[mark.removeprefix(ARGUMENT)],) = operands
            return operands
        if mark.startswith(SPIKES):
            return [self._spiked(mark.removeprefix(SPIKES), operands[0])]
        return bind(eqn, operands)

    def _spiked(self, name: str, spikes: Array) -> Array:
        argument = self.arguments[name]
        self.calls.append(argument)
        if self.slope is None:
            return spikes
        return _spikes(argument, spikes, self.slope(name, argument))


def bind(eqn: JaxprEqn, operands: list) -> Sequence[Any]:
    """Run one equation as it stands."""
    results = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(eqn.params))
    return results if eqn.primitive.multiple_results else [results]


class _Inliner:
    """Runs equations and opens calls; in spike functions also calls with a custom derivative."""

    def __init__(self) -> None:
        self.spiking = False

    def __call__(self, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        mark = mark_of(eqn)
        self.spiking = mark.startswith(ARGUMENT) or (self.spiking and not mark.startswith(SPIKES))
        if is_call(eqn) or (self.spiking and primitive_of(eqn) in RULED):
            return evaluate(called_by(eqn), operands, self)
        return bind(eqn, operands)


def _carried_by_scan(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """First and end position of a scan's carried operands; jax 0.12 keeps trees, not counts."""
    if "ft_in" in parameters:
        constants, carries, _ = map(len, parameters["ft_in"].unpack())
    else:
        constants, carries = parameters["num_consts"], parameters["num_carry"]
    return constants, constants + carries


def is_product(eqn: JaxprEqn) -> bool:
    """Whether an equation multiplies its operands with sums over some of their axes.

    One that holds jaxprs, such as a function with its own derivative, does so if one inside
    does. A primitive that is not JAX's, such as a sparse product, does so if it takes two arrays.
    """
    name = eqn.primitive.name
    if name in MIXING or name in ELEMENTWISE:  # braintools' spike is among these
        return name in PRODUCTS
    inner = [each for jaxpr in jaxprs_within(eqn) for each in jaxpr.eqns]
    if inner or eqn.primitive in jax_primitives():
        return any(map(is_product, inner))
    return sum(map(_is_array_of_numbers, eqn.invars)) > 1


def _is_array_of_numbers(atom: Any) -> bool:
    """Whether it can hold weights or signals; integers are indices."""
    if not getattr(atom.aval, "ndim", 0):
        return False
    return any(jnp.issubdtype(atom.aval.dtype, kind) for kind in (jnp.inexact, jnp.bool_))


@cache
def jax_primitives() -> frozenset[Primitive]:
    """JAX's primitives, without those of its sparse matrices."""
    named = [*vars(primitives).values(), *vars(jax.lax).values()]
    return frozenset(value for value in named if isinstance(value, Primitive))


def mark_of(eqn: JaxprEqn) -> str:
    """The name in a `jax.ad_checkpoint.checkpoint_name`; empty for any other equation."""
    return parameters_of(eqn)["name"] if primitive_of(eqn) == naming_primitive() else ""


@cache
def naming_primitive() -> str:
    """The name of the primitive of `jax.ad_checkpoint.checkpoint_name`."""
    return primitive_of(jax.make_jaxpr(lambda x: checkpoint_name(x, "mark"))(0.0).eqns[0])


@jax.custom_jvp
def _spikes(argument: Array, spikes: Array, slope: Array) -> Array:
    """Known spikes, with known slopes as their derivatives with respect to the argument."""
    return spikes


@_spikes.defjvp
def _(primals, tangents):
    _, spikes, slope = primals
    return spikes, (slope * tangents[0]).astype(spikes.dtype)
