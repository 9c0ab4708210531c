"""Which values an array can hold, read off a jaxpr: {0, 1} for spikes, {0, 1/p} after a dropout.

Each variable has a small set of numbers, or `ANY`. JAX evaluates elementwise equations on every
combination of their operands' values, with the rounding of the program itself. In a loop the sets
only grow, up to `MOST_VALUES` values, so the search ends.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

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

PossibleValues = frozenset[float] | None
ANY: PossibleValues = None
FLAG: PossibleValues = frozenset({0.0, 1.0})
MOST_VALUES = 4  # an array with more values than this counts as `ANY`

Mark = Callable[[str, PossibleValues], PossibleValues]


def spread(
    closed: ClosedJaxpr, arguments: Sequence[PossibleValues], mark: Mark
) -> list[PossibleValues]:
    """The possible values of a jaxpr's results, given those of its arguments.

    ``mark`` is called with the name and the values of every `jax.ad_checkpoint.checkpoint_name`.
    The values that it returns take their place.
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
    return ANY if any(s is ANY for s in sets) else few(itertools.chain(*sets))  # type: ignore[arg-type]


def _results(mark: Mark, eqn: JaxprEqn, operands: list[PossibleValues]) -> list[PossibleValues]:
    name = eqn.primitive.name
    if label := mark_of(eqn):
        return [mark(label, operands[0])]
    if name in REARRANGING:
        return [join(*operands)] if len(eqn.outvars) == 1 else operands
    if name in INDEXING:
        fill = eqn.params.get("fill_value")  # of a gather, for what lies beyond the edge
        filled = [] if fill is None else [few([fill])]
        elements = [operands[i] for i in INDEXING[name]]
        return [join(*elements, *filled)] * len(eqn.outvars)
    if name in ELEMENTWISE:
        return [_elementwise(eqn, operands)]
    return [values_by_dtype(dtype) for dtype in _dtypes(eqn.outvars)]


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
