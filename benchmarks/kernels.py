"""Kernels: the time of one compiled call.

The bound is the time of the memory traffic alone: for a derivative a product of all arrays that it
reads, for a function of one array a cast. "To braintools" compares with its QPseudoSpike(2). Below
10^4 elements only JAX's dispatch shows: XLA runs programs of less than 1,000 operations in the
calling thread and others in another thread, which takes 25 to 95 µs longer. braintools 0.3 has no
second order: its row computes zeros.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike

from .harness import Case, Settings, jitted

BASELINE = "braintools QPseudoSpike(2)"
ALPHAS = (0.5, 1.0, 1.7, 2.0, 3.0, 8.0, float("inf"))
NEURONS = 256  # in the contestants with an alpha for each neuron


class Operation(NamedTuple):
    """An operation on a surrogate, and its bound: functions of x, a cotangent and a tangent."""

    of: Callable[[Any], Callable]
    bound: Callable


def forward(surrogate):
    return lambda x, ct, t: surrogate(x)


def vector_jacobian(surrogate):
    return lambda x, ct, t: jax.vjp(surrogate, x)[1](ct)[0]


def jacobian_vector(surrogate):
    return lambda x, ct, t: jax.jvp(surrogate, (x,), (t,))


def second_order(surrogate):
    product = vector_jacobian(surrogate)
    return lambda x, ct, t: jax.jvp(lambda x: product(x, ct, t), (x,), (t,))[1]


def cast(x, ct, t):
    return (x >= 0).astype(x.dtype)


OPERATIONS = {
    "forward": Operation(forward, cast),
    "vector-Jacobian product": Operation(vector_jacobian, lambda x, ct, t: x * ct),
    "Jacobian-vector product": Operation(jacobian_vector, lambda x, ct, t: (cast(x, ct, t), x * t)),
    "second order": Operation(second_order, lambda x, ct, t: x * ct * t),
    "surrogate_grad": Operation(lambda s: lambda x, ct, t: s.surrogate_grad(x), cast),
    "surrogate_fun": Operation(lambda s: lambda x, ct, t: s.surrogate_fun(x), cast),
}
PRODUCT = OPERATIONS["vector-Jacobian product"]


def cases(settings: Settings) -> Iterator[Case]:
    """The product for all contestants; then other operations, dtypes, sizes and units for a few."""
    size = settings.elements
    arrays = _arrays(size, "float32")
    work = f"float32, {size:,}"
    everyone = _case_of("Vector-Jacobian product", work, PRODUCT, _everyone(), arrays)
    yield _with_arrays_of_alpha(everyone, arrays)
    for name, operation in OPERATIONS.items():
        yield _case("Operations, float32", f"{name}, {size:,}", operation, _few(), size)
    for dtype in ("bfloat16", "float16", "float64"):
        with jax.enable_x64(dtype == "float64"):  # while the caller measures, too
            yield _case(
                "Vector-Jacobian product by dtype",
                f"{dtype}, {size:,}",
                PRODUCT,
                _few(),
                size,
                dtype,
            )
    for size in [10**k for k in range(2, 5 if settings.quick else 9)]:
        yield product(size)
    yield _with_units(settings.elements)


def product(size: int) -> Case:
    """The product for a few contestants, relative to multiplying the same arrays."""
    return _case("Vector-Jacobian product by size", f"float32, {size:,}", PRODUCT, _few(), size)


def _few() -> dict[str, Any]:
    return {
        "QPseudoSpike(2)": QPseudoSpike(2.0),
        "QPseudoSpike(1.7)": QPseudoSpike(1.7),
        BASELINE: braintools.surrogate.QPseudoSpike(2.0),
        "braintools Sigmoid()": braintools.surrogate.Sigmoid(),
        "braintools ReluGrad()": braintools.surrogate.ReluGrad(),
    }


def _everyone() -> dict[str, Any]:
    """Every alpha and residual dtype, and all that braintools has."""
    ours = {f"QPseudoSpike({alpha:g})": QPseudoSpike(alpha) for alpha in ALPHAS}
    compact = {
        f"QPseudoSpike(2, {dtype} residual)": QPseudoSpike(2.0, residual_dtype=dtype)
        for dtype in ("bfloat16", "uint8")
    }
    theirs = {
        f"braintools QPseudoSpike({alpha:g})": braintools.surrogate.QPseudoSpike(alpha)
        for alpha in (1.7, 2.0)
    }
    catalogue = {
        f"braintools {name}()": kind()
        for name, kind in inspect.getmembers(braintools.surrogate, inspect.isclass)
        if issubclass(kind, braintools.surrogate.Surrogate)
        and name not in ("Surrogate", "QPseudoSpike")
    }
    return ours | compact | theirs | catalogue


def _with_arrays_of_alpha(case: Case, arrays: list[jax.Array]) -> Case:
    """Add contestants whose alpha is an argument of the compiled function.

    They get the same arrays as the others, so that none finds its own in the cache more often.
    """
    alphas = jnp.linspace(0.5, 4.0, NEURONS)
    added = {}
    for owner, kind in (("", QPseudoSpike), ("braintools ", braintools.surrogate.QPseudoSpike)):
        run = lambda alpha, *arrays, kind=kind: PRODUCT.of(kind(alpha))(*arrays)
        by_neuron = lambda alpha, *arrays, run=run: run(alpha, *map(_rows, arrays))
        added[f"{owner}QPseudoSpike(traced)"] = jitted(run, jnp.float32(1.7), *arrays)
        added[f"{owner}QPseudoSpike(per neuron)"] = jitted(by_neuron, alphas, *arrays)
    return dataclasses.replace(case, contestants={**case.contestants, **added})


def _rows(array: jax.Array) -> jax.Array:
    return array[: array.size // NEURONS * NEURONS].reshape(-1, NEURONS)


def _case(table, work, operation, surrogates, size, dtype="float32") -> Case:
    return _case_of(table, work, operation, surrogates, _arrays(size, dtype))


def _case_of(table, work, operation, surrogates, arrays) -> Case:
    contestants = {"bound": jitted(operation.bound, *arrays)}
    for name, surrogate in surrogates.items():
        contestants[name] = jitted(operation.of(surrogate), *arrays)
    return Case(table, work, contestants, bound="bound", baseline=BASELINE)


def _with_units(size: int) -> Case:
    """The same product of a plain array and of millivolts."""
    x, ct, t = _arrays(size, "float32")
    surrogate = QPseudoSpike(2.0, scale=u.mV)
    in_millivolts = lambda x, ct, t: jax.vjp(surrogate, x * u.mV)[1](ct)[0].mantissa
    return Case(
        "Units",
        f"vector-Jacobian product, float32, {size:,}",
        {
            "bound": jitted(PRODUCT.bound, x, ct, t),
            "plain array": jitted(PRODUCT.of(QPseudoSpike(2.0)), x, ct, t),
            "Quantity in mV": jitted(in_millivolts, x, ct, t),
        },
        bound="bound",
    )


def _arrays(size: int, dtype: str) -> list[jax.Array]:
    """Distances from the threshold of a few units, a cotangent and a tangent."""
    keys = jax.random.split(jax.random.key(0), 3)
    normal = partial(jax.random.normal, shape=(size,), dtype=dtype)
    return [3 * normal(keys[0]), normal(keys[1]), normal(keys[2])]
