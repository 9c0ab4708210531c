"""Which values an array can hold, read off a jaxpr: {0, 1} for spikes, {0, 1/p} behind a dropout.

Each variable has a small set of numbers, or `ANY`. Elementwise equations are evaluated on every
combination of their operands' values, by JAX itself, so that roundings are the program's own. The
sets only grow in a loop, so that they settle.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

Values = frozenset[float] | None
ANY: Values = None
FLAG: Values = frozenset({0.0, 1.0})
MOST = 4  # a set with more is no set of spikes, whatever follows

ELEMENTWISE = set(
    "abs add and ceil clamp convert_element_type copy div eq floor ge gt integer_pow is_finite le "
    "lt max min mul ne neg not or pow reduce_precision round select_n sign square sub xor".split()
)
# Results hold nothing but elements of the operands, of the first one where indices follow.
REARRANGING = set(
    "broadcast_in_dim concatenate expand_dims optimization_barrier pad reduce_and reduce_max "
    "reduce_min reduce_or reshape rev sharding_constraint slice squeeze stop_gradient "
    "transpose".split()
)
# They do nothing but call a jaxpr; `lax.reduce` and a kernel of Pallas have one as well.
CALLING = set(
    "call checkpoint closed_call core_call custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr "
    "eval_jaxpr jit pjit remat remat2 shard_map".split()
)
INDEXING = {"split": 1, "dynamic_slice": 1, "gather": 1, "dynamic_update_slice": 2, "scatter": 3}

Mark = Callable[[str, Values], Values]


def values_of(array: Any) -> Values:
    """The values of a concrete array, if they are few."""
    dtype = jnp.result_type(array)
    if isinstance(array, jax.core.Tracer) or not jnp.issubdtype(dtype, np.number):
        return _by_dtype(dtype)
    return few(np.unique(np.asarray(array))[: MOST + 1])


def few(values: Any) -> Values:
    """A set of numbers, if it is small; one that holds NaN tells nothing."""
    found = frozenset(map(float, values))
    return found if len(found) <= MOST and not any(map(math.isnan, found)) else ANY


def join(*sets: Values) -> Values:
    """What can hold the values of either."""
    return ANY if any(s is ANY for s in sets) else few(itertools.chain(*sets))  # type: ignore[arg-type]


def spread(closed: ClosedJaxpr, arguments: Sequence[Values], mark: Mark) -> list[Values]:
    """The values of a jaxpr's results, from those of its arguments.

    ``mark`` is asked at every `jax.ad_checkpoint.checkpoint_name` for what to go on with.
    """
    jaxpr = closed.jaxpr
    known: dict[Any, Values] = dict(zip(jaxpr.invars, arguments))
    known |= zip(jaxpr.constvars, map(values_of, closed.consts))

    def read(atom: Any) -> Values:
        return values_of(atom.val) if isinstance(atom, Literal) else known[atom]

    for eqn in jaxpr.eqns:
        known |= zip(eqn.outvars, _results(eqn, [read(atom) for atom in eqn.invars], mark))
    return [read(atom) for atom in jaxpr.outvars]


def _results(eqn: JaxprEqn, operands: list[Values], mark: Mark) -> list[Values]:
    name = eqn.primitive.name
    if name == "name":
        return [mark(eqn.params["name"], operands[0])]
    if name in LOOPS:
        return LOOPS[name](eqn, operands, mark)
    if name in CALLING:
        return spread(_called(eqn), operands, mark)
    if name in REARRANGING or (name == "reduce_window_max" and not _is_padding_alone(eqn.params)):
        return [join(*operands)] if len(eqn.outvars) == 1 else operands
    if name in INDEXING:
        fill = eqn.params.get("fill_value")  # of a gather, for what lies beyond the edge
        filled = [] if fill is None else [few([fill])]
        return [join(*operands[: INDEXING[name]], *filled)] * len(eqn.outvars)
    if name in ELEMENTWISE:
        return [_elementwise(eqn, operands)]
    return [_by_dtype(dtype) for dtype in _dtypes(eqn.outvars)]


def _is_padding_alone(parameters: dict[str, Any]) -> bool:
    """Whether some window may see nothing but padding, of which the maximum is -inf."""
    dilated = (*parameters["base_dilation"], *parameters["window_dilation"])
    sizes, padding = parameters["window_dimensions"], parameters["padding"]
    return any(d > 1 for d in dilated) or any(max(p) >= n for n, p in zip(sizes, padding))


def _by_dtype(dtype: Any) -> Values:
    return FLAG if jnp.issubdtype(dtype, np.bool_) else ANY


def _elementwise(eqn: JaxprEqn, operands: list[Values]) -> Values:
    dtypes = _dtypes(eqn.invars)
    known = [_by_dtype(d) if s is ANY else s for d, s in zip(dtypes, operands)]
    if any(s is ANY for s in known):
        return _by_dtype(*_dtypes(eqn.outvars))
    parameters = eqn.primitive.get_bind_params(eqn.params)
    with jax.ensure_compile_time_eval():
        return few(
            eqn.primitive.bind(*map(np.asarray, combination, dtypes), **parameters)
            for combination in itertools.product(*known)  # type: ignore[arg-type]
        )


def _dtypes(variables: Sequence[Any]) -> list[Any]:
    return [getattr(variable.aval, "dtype", None) for variable in variables]


def _called(eqn: JaxprEqn) -> ClosedJaxpr:
    keys = ("call_jaxpr", "jaxpr", "fun_jaxpr")
    inner = next(eqn.params[key] for key in keys if key in eqn.params)
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def settle(step: Callable[[list[Values]], list[Values]], carried: list[Values]) -> list[Values]:
    """The values that a loop carries, however often ``step`` is taken."""
    while True:
        ahead = [join(*pair) for pair in zip(carried, step(carried))]
        if ahead == carried:
            return carried
        carried = ahead


def _scan(eqn: JaxprEqn, operands: list[Values], mark: Mark) -> list[Values]:
    constants, carries = _scan_lengths(eqn.params)
    fixed, carried = operands[:constants], operands[constants : constants + carries]
    body = lambda carried: spread(
        eqn.params["jaxpr"], [*fixed, *carried, *operands[constants + carries :]], mark
    )
    carried = settle(lambda carried: body(carried)[:carries], carried)
    return [*carried, *body(carried)[carries:]]


def _scan_lengths(parameters: dict[str, Any]) -> tuple[int, int]:
    """How many constants, and how many carries; jax 0.12 has trees in place of the numbers."""
    if "ft_in" in parameters:
        constants, carries, _ = map(len, parameters["ft_in"].unpack())
        return constants, carries
    return parameters["num_consts"], parameters["num_carry"]


def _while(eqn: JaxprEqn, operands: list[Values], mark: Mark) -> list[Values]:
    skipped, constants = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    fixed, carried = operands[skipped : skipped + constants], operands[skipped + constants :]
    return settle(lambda c: spread(eqn.params["body_jaxpr"], [*fixed, *c], mark), carried)


def _cond(eqn: JaxprEqn, operands: list[Values], mark: Mark) -> list[Values]:
    branches = [spread(branch, operands[1:], mark) for branch in eqn.params["branches"]]
    return [join(*results) for results in zip(*branches)]


LOOPS = {"scan": _scan, "while": _while, "cond": _cond}
