"""What tells whether two jaxprs compute the same."""

from __future__ import annotations

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr
from jax.extend.core.primitives import custom_jvp_call_p, custom_vjp_call_p

from .._jaxpr import bind, equations_within, evaluate, jaxprs_within, with_constants_as_arguments


def signature(closed: ClosedJaxpr) -> tuple[Any, ...]:
    """What two jaxprs share that compute the same, derivatives included, from the same arguments.

    The text has every equation, but of a derivative rule only its name, and of constants within an
    equation, which are no arguments, nothing. The derivative has forward rules written out; reverse
    rules stand for themselves.
    """
    everything = [*closed.jaxpr.eqns, *(e for o in closed.jaxpr.eqns for e in equations_within(o))]
    primitives = {eqn.primitive for eqn in everything}
    derivative = _derivative(closed) if custom_jvp_call_p in primitives else None
    rules = tuple(
        value
        for eqn in everything
        if eqn.primitive is custom_vjp_call_p
        for value in eqn.params.values()
        if not isinstance(value, (Jaxpr, ClosedJaxpr))
    )
    return *_text_and_constants(closed.jaxpr), derivative, rules


def _derivative(closed: ClosedJaxpr) -> tuple[Any, ...]:
    jaxpr = with_constants_as_arguments(closed)
    is_real = lambda aval: jnp.issubdtype(aval.dtype, jnp.floating)
    real = [i for i, aval in enumerate(closed.in_avals) if is_real(aval)]
    results = [i for i, aval in enumerate(closed.out_avals) if is_real(aval)]

    def derivative(constants: list[Any], arguments: list[Any], tangents: list[Any]) -> Any:
        def function(*changed: Any) -> list[Any]:
            complete = dict(enumerate(arguments)) | dict(zip(real, changed))
            values = evaluate(jaxpr, [*constants, *complete.values()], bind)
            return [values[i] for i in results]

        return jax.jvp(function, [arguments[i] for i in real], tangents)

    arguments = list(closed.in_avals)
    tangents = [arguments[i] for i in real]
    traced = jax.make_jaxpr(derivative)(list(closed.consts), arguments, tangents)
    return *_text_and_constants(traced.jaxpr), *map(_digest, traced.consts)


def _text_and_constants(jaxpr: Jaxpr) -> tuple[Any, ...]:
    inner = [closed for eqn in jaxpr.eqns for closed in jaxprs_within(eqn)]
    held = [c for each in inner if isinstance(each, ClosedJaxpr) for c in each.consts]
    return str(jaxpr), *map(_digest, held)


def _digest(constant: Any) -> Any:
    """Equal for equal arrays; a key must not hold the arrays themselves."""
    if isinstance(constant, jax.core.Tracer):
        return object()
    if jnp.issubdtype(constant.dtype, jax.dtypes.prng_key):
        constant = jax.random.key_data(constant)
    values = np.asarray(constant)
    return values.shape, str(values.dtype), hashlib.sha256(values.tobytes()).digest()
