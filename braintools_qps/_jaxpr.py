"""Walk jaxprs equation by equation. All code that a release of JAX can break is here.

`evaluate` runs a jaxpr. Three functions use it, each with another way to run an equation: `inlined`
opens calls, `run` records spike functions and perturbs membranes, and `follow` computes with facts
about arrays in place of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from ._models import ARGUMENT, SPIKES

# Primitives by name. These only call a jaxpr; some names depend on the release of JAX.
INLINED = {"call", "closed_call", "eval_jaxpr", "jit", "remat2"}
# Functions with a custom derivative.
RULED = {"custom_jvp_call", "custom_vjp_call"}
# The result of one neuron may depend on another neuron.
MIXING = set(
    "dot_general conv_general_dilated gather scatter scatter-add reduce_sum cumsum sort rev scan "
    "while".split()
)
# The part of MIXING that multiplies inputs by weights.
PRODUCTS = {"dot_general", "conv_general_dilated", "gather"}
# Not MIXING although shapes differ: these only move elements, or repeat along axes of length 1.
SHAPING = set(
    "broadcast_in_dim reshape squeeze slice concatenate select_n transpose add sub mul div max min "
    "pow".split()
)
# Each element of the result depends on one element of each operand.
ELEMENTWISE = set(
    "abs add and ceil clamp convert_element_type copy div eq floor ge gt integer_pow is_finite le "
    "lt max min mul ne neg not or pow reduce_precision round select_n sign square sub xor".split()
)
# Results hold nothing but elements of the operands.
REARRANGING = set(
    "broadcast_in_dim concatenate expand_dims optimization_barrier pad reduce_and reduce_max "
    "reduce_min reduce_or reshape rev sharding_constraint slice squeeze stop_gradient "
    "transpose".split()
)
# The same for the first n operands; the others are indices.
INDEXING = {"split": 1, "dynamic_slice": 1, "gather": 1, "dynamic_update_slice": 2, "scatter": 3}

Bind = Callable[[JaxprEqn, list], Sequence[Any]]


class Call(NamedTuple):
    """Argument and result of one call of a spike function, without units."""

    argument: Array
    spikes: Array


def inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same jaxpr with all calls opened, so that its equations are on one level.

    The derivative rules of spike functions are removed, because the slopes of each candidate
    replace them.
    """
    flat = jax.make_jaxpr(lambda *arguments: evaluate(closed, arguments, _Inliner()))
    return flat(*closed.in_avals)


def with_constants_as_arguments(closed: ClosedJaxpr) -> Jaxpr:
    """The jaxpr with its constants as first arguments, so that it holds no arrays."""
    jaxpr = closed.jaxpr
    return jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])


def callers(closed: ClosedJaxpr) -> list[str]:
    """Names of the neurons that spike at the top level, one for each call, in order."""
    names = map(mark_of, closed.jaxpr.eqns)
    return [name.removeprefix(SPIKES) for name in names if name.startswith(SPIKES)]


def spike_variables(jaxpr: Jaxpr) -> list[Any]:
    """The variables that hold the spikes, one for each call of a spike function, in order."""
    return [eqn.outvars[0] for eqn in jaxpr.eqns if mark_of(eqn).startswith(SPIKES)]


def inner_callers(closed: ClosedJaxpr) -> set[str]:
    """Names of the neurons that spike inside loops and branches."""
    inner = (eqn for outer in closed.jaxpr.eqns for eqn in equations_within(outer))
    names = map(mark_of, inner)
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
    """The candidates that reach the result through a product with no spike after it."""
    alone: dict[Any, set[Any]] = {argument: {argument} for argument in candidates}
    multiplied: dict[Any, set[Any]] = {}
    for eqn in jaxpr.eqns:
        if mark_of(eqn).startswith(SPIKES):
            continue
        operands = [atom for atom in eqn.invars if not isinstance(atom, Literal)]
        met = set().union(*(alone.get(operand, ()) for operand in operands))
        passed = set().union(*(multiplied.get(operand, ()) for operand in operands))
        name = eqn.primitive.name
        is_product = name in PRODUCTS or (name not in MIXING and _mixes(eqn))
        for variable in eqn.outvars:
            alone[variable] = set() if is_product else met
            multiplied[variable] = passed | met if is_product else passed
    return multiplied.get(result, set())


class Product(NamedTuple):
    """A product of weights with what reaches a layer: variables of a jaxpr."""

    weight: Any  # the argument that holds the weights
    result: Any
    operand: Any  # the factor that the weights meet
    axes: tuple[int, int] | None  # axes of the weights that count inputs and outputs, if known


def products(jaxpr: Jaxpr, weights: Iterable[Any]) -> dict[Any, list[Product]]:
    """For each of the weights, the equations that multiply it with something else."""
    alone: dict[Any, Any] = {weight: weight for weight in weights}
    found: dict[Any, list[Product]] = {weight: [] for weight in alone}
    for eqn in jaxpr.eqns:
        held = [i for i, v in enumerate(eqn.invars) if not isinstance(v, Literal) and v in alone]
        if len(held) == 1 and eqn.primitive.name in ("dot_general", "conv_general_dilated"):
            (i,) = held
            weight = alone[eqn.invars[i]]
            axes = _axes(eqn, i) if eqn.invars[i] is weight else None
            found[weight].append(Product(weight, eqn.outvars[0], eqn.invars[1 - i], axes))
        elif len(held) == 1 and not _mixes(eqn):
            alone |= dict.fromkeys(eqn.outvars, alone[eqn.invars[held[0]]])
    return found


def shape_of(variable: Any) -> tuple[int, ...]:
    """The shape of a variable of a jaxpr."""
    return variable.aval.shape


def _axes(eqn: JaxprEqn, position: int) -> tuple[int, int] | None:
    """The axes of a product's weights that count its inputs and its outputs."""
    if eqn.primitive.name == "conv_general_dilated":
        outputs, inputs, *_ = eqn.params["dimension_numbers"].rhs_spec
        return (inputs, outputs) if eqn.params["feature_group_count"] == 1 else None
    contracted, batched = (axes[position] for axes in eqn.params["dimension_numbers"])
    if len(contracted) != 1 or batched or len(shape_of(eqn.invars[position])) != 2:
        return None
    return contracted[0], 1 - contracted[0]


def reached(jaxpr: Jaxpr, arguments: Iterable[Any]) -> set[Any]:
    """The arguments and all variables that depend on them."""
    found = set(arguments)
    for eqn in jaxpr.eqns:
        if any(not isinstance(atom, Literal) and atom in found for atom in eqn.invars):
            found.update(eqn.outvars)
    return found


def origins(jaxpr: Jaxpr, result: Any) -> set[Any]:
    """The result and all variables that it is computed from without passing a spike."""
    found = {result}
    for eqn in reversed(jaxpr.eqns):
        if not found.isdisjoint(eqn.outvars) and not mark_of(eqn).startswith(SPIKES):
            found.update(atom for atom in eqn.invars if not isinstance(atom, Literal))
    return found


def run(
    jaxpr: Jaxpr,
    arguments: Sequence[Any],
    perturbations: Mapping[Any, Array],
    tap: Tap,
) -> tuple[list[Any], list[Call]]:
    """Results of a jaxpr, and the calls of spike functions in their order.

    A variable in ``perturbations`` has its perturbation added when it is computed.
    """

    def perturbed(eqn: JaxprEqn, operands: list) -> list[Any]:
        results = zip(eqn.outvars, tap(eqn, operands))
        return [x + perturbations[v] if v in perturbations else x for v, x in results]

    return evaluate(jaxpr, arguments, perturbed), tap.calls


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

    def read(atom: Any) -> Any:
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
        if name in INLINED or name in RULED or name == "shard_map":
            return walk(_called_by(eqn), operands)
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
    """Runs equations, and records the argument and the spikes of every spike function.

    ``slopes``, one for each call, are the derivatives of the spikes. With ``blocked``, no
    derivative passes from one neuron to another.
    """

    slopes: Iterator[Array] | None = None
    blocked: bool = False
    calls: list[Call] = field(default_factory=list)
    arguments: dict[str, Array] = field(default_factory=dict)

    def __call__(self, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        mark = mark_of(eqn)
        if mark.startswith(ARGUMENT):
            return [self._called(mark.removeprefix(ARGUMENT), operands[0])]
        if mark.startswith(SPIKES):
            return [self._spiked(mark.removeprefix(SPIKES), operands[0])]
        if self.blocked and _mixes(eqn):
            operands = [jax.lax.stop_gradient(operand) for operand in operands]
        return bind(eqn, operands)

    def _called(self, name: str, argument: Array) -> Array:
        self.arguments[name] = argument
        return argument

    def _spiked(self, name: str, spikes: Array) -> Array:
        argument = self.arguments[name]
        self.calls.append(Call(argument, spikes))
        return spikes if self.slopes is None else _spikes(argument, spikes, next(self.slopes))


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
        if eqn.primitive.name in INLINED or (self.spiking and eqn.primitive.name in RULED):
            return evaluate(_called_by(eqn), operands, self)
        return bind(eqn, operands)


def _called_by(eqn: JaxprEqn) -> ClosedJaxpr:
    keys = ("call_jaxpr", "jaxpr", "fun_jaxpr")
    inner = next(eqn.params[key] for key in keys if key in eqn.params)
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def _carried_by_scan(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """First and end position of a scan's carried operands; jax 0.12 keeps trees, not counts."""
    if "ft_in" in parameters:
        constants, carries, _ = map(len, parameters["ft_in"].unpack())
    else:
        constants, carries = parameters["num_consts"], parameters["num_carry"]
    return constants, constants + carries


def pads_alone(eqn: JaxprEqn) -> bool:
    """Whether some window of a max pooling may see only padding, and so give -inf."""
    of = eqn.params
    sizes, padding = of["window_dimensions"], of["padding"]
    dilated = any(d > 1 for d in (*of["base_dilation"], *of["window_dilation"]))
    return dilated or any(max(p) >= n for n, p in zip(sizes, padding))


def _mixes(eqn: JaxprEqn) -> bool:
    """Whether a neuron's result depends on another neuron's operand.

    An unknown primitive, for example a sparse product, counts as mixing if shapes differ.
    """
    if eqn.primitive.name in MIXING:
        return True
    shapes = {getattr(v.aval, "shape", ()) for v in [*eqn.invars, *eqn.outvars]} - {()}
    return len(shapes) > 1 and eqn.primitive.name not in SHAPING


def mark_of(eqn: JaxprEqn) -> str:
    """The name in a `jax.ad_checkpoint.checkpoint_name`; empty for any other equation."""
    return eqn.params["name"] if eqn.primitive.name == "name" else ""


@jax.custom_jvp
def _spikes(argument: Array, spikes: Array, slope: Array) -> Array:
    """Known spikes, with known slopes as their derivatives with respect to the argument."""
    return spikes


@_spikes.defjvp
def _(primals, tangents):
    _, spikes, slope = primals
    return spikes, (slope * tangents[0]).astype(spikes.dtype)
