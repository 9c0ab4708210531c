"""The curve of a surrogate that another library or a user has written."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from .kernels import FARTHEST

# Where the peak of a gradient is looked for.
_DISTANCES = np.geomspace(1e-2, 1e2, 17)
PROBES = np.concatenate([-_DISTANCES, [0.0], _DISTANCES])


@partial(jax.tree_util.register_dataclass, data_fields=["arrays"], meta_fields=["owner"])
@dataclass(frozen=True)
class Foreign:
    """The curve of such a surrogate, with its arrays as data for derivatives of any order.

    Only its ``surrogate_grad`` and ``surrogate_fun`` are called: braintools 0.3's own spike would
    leak the derivative with respect to a parameter.
    """

    arrays: list[Array]
    owner: Owner

    @classmethod
    def of(cls, surrogate: Surrogate) -> Foreign:
        owner = Owner(surrogate)
        return cls([_value(leaf) for leaf in owner.leaves if _is_data(leaf)], owner)

    def shape(self, dtype: jnp.dtype) -> tuple[int, ...]:
        """The shape of its parameters, which x of that dtype must broadcast against."""
        if not self.arrays:
            return ()
        return jax.eval_shape(self.gradient, jax.ShapeDtypeStruct((), dtype)).shape

    def gradient(self, x: Array) -> Array:
        """The surrogate gradient, NaN at NaN and 0 at infinity."""
        inside = _clipped(x)
        gradient = _with_nan(inside, self._surrogate().surrogate_grad(inside))
        return _zero_at_infinity(x, gradient)

    def original(self, x: Array) -> Array:
        """The original function, NaN at NaN, with `gradient` as its derivative."""
        is_traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((x, self)))
        # Outside of jit the derivative rule takes 100 us, wanted or not.
        return (_original if is_traced else _value_of_original)(x, self)

    def peak(self, like: Array) -> Array:
        """The largest magnitude of the gradient, to broadcast against ``like``.

        It depends on no element of that, so that no neighbour, on this device or another, counts.
        """
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
def _clipped(x: Array) -> Array:
    return jnp.clip(x, -FARTHEST, FARTHEST)


@partial(jax.jit, inline=True)
def _zero_at_infinity(x: Array, gradient: Array) -> Array:
    return jnp.where(jnp.isinf(x), 0, gradient)


@partial(jax.jit, inline=True)
def _with_nan(x: Array, value: Any) -> Array:
    """The value, NaN where x is, and so is its derivative there."""
    return jnp.where(jnp.isnan(x), x * x, jnp.asarray(value, x.dtype))


def _value_of_original(x: Array, curve: Foreign) -> Array:
    inside = _clipped(x)
    return _with_nan(inside, curve._surrogate().surrogate_fun(inside))


_original = jax.custom_jvp(_value_of_original)


@_original.defjvp
def _(primals, tangents):
    # Stated, as a formula by parts has a derivative of its own choice where its parts meet.
    (x, curve), (x_dot, curve_dot) = primals, tangents
    by_parameters = partial(_value_of_original, x)
    value, tangent = jax.jvp(by_parameters, (curve,), (curve_dot,))
    return value, tangent + curve.gradient(x) * x_dot


def _is_data(leaf: Any) -> bool:
    return isinstance(leaf, (brainstate.State, jax.Array, np.ndarray))


def _value(leaf: Any) -> Array:
    return jnp.asarray(leaf.value if isinstance(leaf, brainstate.State) else leaf)


def _like(leaf: Any, value: Array) -> Any:
    return brainstate.State(value) if isinstance(leaf, brainstate.State) else value
