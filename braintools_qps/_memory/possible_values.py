"""Which values an array can hold, read off a jaxpr: {0, 1} for spikes, {0, 1/p} after a dropout.

Each variable has a small set of numbers, or `ANY`. JAX evaluates elementwise equations on every
combination of their operands' values, with the rounding of the program itself. In a loop the sets
only grow, up to `MOST_VALUES` values, so the search ends. Spikes beside floats along the last axis
are `ColumnValues`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from .._jaxpr import (
    ELEMENTWISE,
    INDEXING,
    REARRANGING,
    ClosedJaxpr,
    JaxprEqn,
    bind,
    follow,
    mark_of,
)

ColumnValues = tuple[tuple[int, "frozenset[float] | None"], ...]  # width and values of each part
PossibleValues = frozenset[float] | ColumnValues | None
ANY: PossibleValues = None
NONE: PossibleValues = frozenset()  # of an array that was never seen
FLAG: PossibleValues = frozenset({0.0, 1.0})
# Rearranging primitives that keep columns where they are if the last axis keeps its length.
KEEPS_COLUMNS = {"reshape", "squeeze", "expand_dims", "stop_gradient", "optimization_barrier"}
MOST_VALUES = 4  # an array with more values than this counts as `ANY`

Mark = Callable[[JaxprEqn, list[PossibleValues]], "list[PossibleValues] | None"]


def spread(
    closed: ClosedJaxpr, arguments: Sequence[PossibleValues], mark: Mark
) -> list[PossibleValues]:
    """The possible values of a jaxpr's results, given those of its arguments.

    ``mark`` is called with every equation and the values of its operands. If it returns values,
    these are the results.
    """
    return follow(closed, arguments, partial(_results, mark), values_of, join)


def values_of(array: ArrayLike) -> PossibleValues:
    """The values of a concrete array, if they are few."""
    dtype = jnp.result_type(array)
    if isinstance(array, jax.core.Tracer) or not jnp.issubdtype(dtype, np.number):
        return values_by_dtype(dtype)
    return few(np.unique(np.asarray(array))[: MOST_VALUES + 1])


def few(values: Iterable[float]) -> PossibleValues:
    """The numbers as a set, or `ANY` where they are many or one is NaN."""
    distinct = frozenset(map(float, values))
    return distinct if len(distinct) <= MOST_VALUES and not any(map(math.isnan, distinct)) else ANY


def join(*sets: PossibleValues) -> PossibleValues:
    """The union of the sets."""
    distinct = set(sets) - {NONE}
    if len(distinct) == 1:
        return distinct.pop()
    if not all(isinstance(s, frozenset) for s in distinct):
        return ANY
    return few(itertools.chain(*distinct))  # type: ignore[arg-type]


def _results(mark: Mark, eqn: JaxprEqn, operands: list[PossibleValues]) -> list[PossibleValues]:
    name = eqn.primitive.name
    if marked := mark(eqn, operands):
        return marked
    if mark_of(eqn):
        return operands
    if name in REARRANGING:
        return [_rearranged(eqn, operands)] if len(eqn.outvars) == 1 else operands
    operands = [ANY if isinstance(s, tuple) else s for s in operands]
    if name in INDEXING:
        fill = eqn.params.get("fill_value")  # of a gather, for what lies beyond the edge
        filled = [] if fill is None else [few([fill])]
        elements = [operands[i] for i in INDEXING[name]]
        return [join(*elements, *filled)] * len(eqn.outvars)
    if name in ELEMENTWISE:
        return [_elementwise(eqn, operands)]
    return [values_by_dtype(dtype) for dtype in _dtypes(eqn.outvars)]


def _rearranged(eqn: JaxprEqn, operands: list[PossibleValues]) -> PossibleValues:
    values: Any = join(*operands)
    before, after = (cast(Any, v.aval) for v in (eqn.invars[0], eqn.outvars[0]))
    if isinstance(values, tuple):
        aligned = before.shape[-1:] == after.shape[-1:] and (
            eqn.primitive.name in KEEPS_COLUMNS
            or eqn.params.get("broadcast_dimensions", ())[-1:] == (after.ndim - 1,)
        )
        return values if aligned else ANY
    if (values is ANY or len(values) > 2) and eqn.params.get("dimension") == after.ndim - 1:
        parts = [s if isinstance(s, tuple) else ((cast(Any, v.aval).shape[-1], s),)
                 for v, s in zip(eqn.invars, operands)]  # fmt: skip
        return tuple(itertools.chain(*parts))
    return values


def values_by_dtype(dtype: DTypeLike) -> PossibleValues:
    """All values that a type can hold, if they are few: those of a boolean."""
    return FLAG if jnp.issubdtype(dtype, np.bool_) else ANY


def _elementwise(eqn: JaxprEqn, operands: list[PossibleValues]) -> PossibleValues:
    dtypes = _dtypes(eqn.invars)
    known = [values_by_dtype(d) if s is ANY else s for d, s in zip(dtypes, operands)]
    if any(s is ANY for s in known):
        return values_by_dtype(*_dtypes(eqn.outvars))
    with jax.ensure_compile_time_eval():
        return few(
            bind(eqn, list(map(np.asarray, combination, dtypes)))[0]
            for combination in itertools.product(*known)  # type: ignore[arg-type]
        )


def _dtypes(variables: Sequence[Any]) -> list[Any]:
    return [getattr(variable.aval, "dtype", None) for variable in variables]
