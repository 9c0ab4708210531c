"""The curves that a surrogate may have: pure functions of a dimensionless x, carried as pytrees.

There are two: the q-PseudoSpike's `Tail`, and `Foreign` for any other surrogate that derives from
`braintools.surrogate.Surrogate`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from . import kernels
from .kernels import Static

# Where the peak of a gradient is looked for.
_DISTANCES = np.geomspace(1e-2, 1e2, 17)
PROBES = np.concatenate([-_DISTANCES, [0.0], _DISTANCES])


class Curve(Protocol):
    """A surrogate gradient of height and width as its author made it."""

    def peak(self, like: Array) -> Array | None:
        """The largest magnitude of the gradient, to broadcast against ``like``; None for [0, 1].

        It depends on no element of that, so that no neighbour, on this device or another, counts.
        """

    def prepared(self, prepare: Callable[[Any], Array | Static]) -> Curve:
        """The curve to compute with, its own numbers and arrays treated by ``prepare``."""

    def with_rank(self, rank: int) -> Curve:
        """The curve with arrays of that rank, where they broadcast against x."""

    def shapes(self, dtype: jnp.dtype) -> dict[str, tuple[int, ...]]:
        """What x of that dtype has to broadcast against, by the name of its parameter."""

    def gradient(self, x: Array) -> Array:
        """The surrogate gradient; 0 at +-inf, NaN at NaN."""

    def slope_of_product(self, x: Array) -> Array:
        """The derivative of x * gradient(x), which the derivative by scale goes with."""

    def original(self, x: Array, dampening: Any) -> Array:
        """1/2 + dampening * (f(x) - 1/2), where f is the original function."""


@partial(jax.tree_util.register_dataclass, data_fields=["alpha"], meta_fields=[])
@dataclass(frozen=True)
class Tail:
    """The q-PseudoSpike's curve."""

    alpha: Any

    def peak(self, like: Array) -> None:
        return None

    def prepared(self, prepare: Callable[[Any], Array | Static]) -> Tail:
        cheap = isinstance(self.alpha, float) and kernels.has_cheap_form(self.alpha)
        return Tail(Static(self.alpha) if cheap else prepare(self.alpha))

    def with_rank(self, rank: int) -> Tail:
        return Tail(with_rank(self.alpha, rank))

    def shapes(self, dtype: jnp.dtype) -> dict[str, tuple[int, ...]]:
        return {} if isinstance(self.alpha, Static) else {"alpha": jnp.shape(self.alpha)}

    def gradient(self, x: Array) -> Array:
        return kernels.gradient(x, self.alpha)

    def slope_of_product(self, x: Array) -> Array:
        return kernels.slope_of_product(x, self.alpha)

    def original(self, x: Array, dampening: Any) -> Array:
        return 0.5 + dampening * kernels.antiderivative(x, self.alpha)


@partial(jax.tree_util.register_dataclass, data_fields=["arrays"], meta_fields=["owner"])
@dataclass(frozen=True)
class Foreign:
    """The curve of a surrogate from elsewhere.

    Its arrays travel as data, so that a derivative of any order can be taken with respect to them;
    the rest of it stays as it is. Only its ``surrogate_grad`` and ``surrogate_fun`` are called:
    braintools 0.3's own spike would leak the derivative with respect to a parameter.
    """

    arrays: list[Array]
    owner: Owner

    @classmethod
    def of(cls, surrogate: Surrogate) -> Foreign:
        owner = Owner(surrogate)
        return cls([_value(leaf) for leaf in owner.leaves if _is_data(leaf)], owner)

    def prepared(self, prepare: Callable[[Any], Array | Static]) -> Foreign:
        return self

    def with_rank(self, rank: int) -> Foreign:
        return self

    def shapes(self, dtype: jnp.dtype) -> dict[str, tuple[int, ...]]:
        if not self.arrays:
            return {}
        at_one_distance = jax.eval_shape(self.gradient, jax.ShapeDtypeStruct((), dtype))
        return {"surrogate": at_one_distance.shape}

    def peak(self, like: Array) -> Array:
        if any(isinstance(array, jax.core.Tracer) for array in self.arrays):
            return self._probed(like.ndim, like.dtype)
        with jax.ensure_compile_time_eval():
            return self._probed(like.ndim, like.dtype)

    def _probed(self, rank: int, dtype: jnp.dtype) -> Array:
        """The peak, for each neuron where parameters differ; 1 where there is none but 0 or NaN."""
        probes = jnp.asarray(PROBES.reshape(-1, *(1,) * rank), dtype)
        magnitude = jnp.abs(jax.lax.stop_gradient(self.gradient(probes)))
        largest = jnp.max(jnp.where(jnp.isfinite(magnitude), magnitude, 0), axis=0)
        return jnp.where(largest > 0, largest, 1)

    def gradient(self, x: Array) -> Array:
        gradient = jnp.asarray(self._surrogate().surrogate_grad(_without_infinity(x)), x.dtype)
        return _guarded(x, gradient)

    def slope_of_product(self, x: Array) -> Array:
        gradient, slope = jax.jvp(self.gradient, (x,), (jnp.ones_like(x),))
        return gradient + jnp.where(jnp.isinf(x), 0, x) * slope

    def original(self, x: Array, dampening: Any) -> Array:
        of = _original if is_traced((x, self)) else _value_of_original
        return dampening * of(x, self) + (1 - dampening) / 2

    def _surrogate(self) -> Surrogate:
        return self.owner.holding(self.arrays)


class Owner:
    """A surrogate that can be given other arrays in place of its own. Compared by identity."""

    def __init__(self, surrogate: Surrogate) -> None:
        self.surrogate = surrogate
        is_state = lambda value: isinstance(value, brainstate.State)
        self.leaves, self.structure = jax.tree.flatten(vars(surrogate), is_leaf=is_state)

    def holding(self, arrays: list[Array]) -> Surrogate:
        """A copy with these arrays, in a State where there was one."""
        if not arrays:
            return self.surrogate
        remaining = iter(arrays)
        leaves = [_like(leaf, next(remaining)) if _is_data(leaf) else leaf for leaf in self.leaves]
        twin = copy.copy(self.surrogate)
        vars(twin).update(jax.tree.unflatten(self.structure, leaves))
        return twin


# Jitted for calls outside of jit, where every operation takes as long as a small program.
@partial(jax.jit, inline=True)
def _without_infinity(x: Array) -> Array:
    return jnp.where(jnp.isinf(x), 0, x)


@partial(jax.jit, inline=True)
def _guarded(x: Array, gradient: Array) -> Array:
    """0 at infinity, NaN at NaN."""
    infinite = jnp.isinf(x)
    finite = jnp.where(infinite, 0, x)
    nan = jax.lax.stop_gradient(finite) * finite  # where x is NaN, and so is its slope
    return jnp.where(infinite, 0, jnp.where(jnp.isnan(x), nan, gradient))


@partial(jax.jit, inline=True)
def _clipped(x: Array) -> Array:
    largest = jnp.finfo(x.dtype).max
    return jnp.clip(x, -largest, largest)


@partial(jax.jit, inline=True)
def _with_nan(x: Array, value: Array) -> Array:
    return jnp.where(jnp.isnan(x), x, value)


def _value_of_original(x: Array, curve: Foreign) -> Array:
    value = curve._surrogate().surrogate_fun(_clipped(x))
    return _with_nan(x, jnp.asarray(value, x.dtype))


_original = jax.custom_jvp(_value_of_original)


@_original.defjvp
def _(primals, tangents):
    # Stated, as a formula by parts has a derivative of its own choice where its parts meet.
    (x, curve), (x_dot, curve_dot) = primals, tangents
    by_parameters = partial(_value_of_original, x)
    value, tangent = jax.jvp(by_parameters, (curve,), (curve_dot,))
    return value, tangent + curve.gradient(x) * x_dot


def is_traced(values: Any) -> bool:
    """Whether there is a derivative to be stated, which takes 100 us outside of jit."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def with_rank(value: Array | Static, rank: int) -> Array | Static:
    """Add axes of length 1 in front, since JAX may be set to refuse arrays that lack them."""
    if isinstance(value, Static) or jnp.ndim(value) in (0, rank):
        return value
    return jnp.reshape(value, (1,) * (rank - jnp.ndim(value)) + jnp.shape(value))


def _is_data(leaf: Any) -> bool:
    return isinstance(leaf, (brainstate.State, jax.Array, np.ndarray))


def _value(leaf: Any) -> Array:
    return jnp.asarray(leaf.value if isinstance(leaf, brainstate.State) else leaf)


def _like(leaf: Any, value: Array) -> Any:
    return brainstate.State(value) if isinstance(leaf, brainstate.State) else value
