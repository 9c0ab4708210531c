"""The curve of a surrogate that another library or a user has written."""

from __future__ import annotations

import copy
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from .keys import Same

# Where the peak of a gradient is looked for.
_DISTANCES = np.geomspace(1e-2, 1e2, 17)
PROBES = np.concatenate([-_DISTANCES, [0.0], _DISTANCES])


def is_step(spike: object) -> bool:
    """Whether it is a Surrogate that sends 0 or 1, as all do without a ``__call__`` of their own.

    Such a one is called to find out; where that needs a unit or a traced value, it counts as one.
    """
    if not isinstance(spike, Surrogate):
        return False
    owner = next(cls for cls in type(spike).__mro__ if "__call__" in vars(cls))
    if owner.__module__.partition(".")[0] in ("braintools", "braintools_qps"):
        return True
    x = PROBES[PROBES != 0]
    with suppress(Exception), jax.ensure_compile_time_eval():
        return bool(np.array_equal(spike(jnp.asarray(x)), x > 0))
    return True


@partial(jax.tree_util.register_dataclass, data_fields=["arrays"], meta_fields=["owner"])
@dataclass(frozen=True)
class ForeignCurve:
    """The curve of a surrogate of another library; JAX can differentiate through its arrays.

    Only its ``surrogate_grad`` and ``surrogate_fun`` are called: the spike of braintools 0.3 has
    derivatives with respect to its parameters, which should be 0.
    """

    arrays: list[Array]
    owner: Same  # of the surrogate

    signed: ClassVar[bool] = True

    @classmethod
    def of(cls, surrogate: Surrogate) -> ForeignCurve:
        leaves, _ = _leaves(surrogate)
        return cls([_value(leaf) for leaf in leaves if _is_data(leaf)], Same(surrogate))

    def gradient(self, x: Array) -> Array:
        return _with_nan(x, self._surrogate().surrogate_grad(x))

    def original(self, x: Array) -> Array:
        return _with_nan(x, self._surrogate().surrogate_fun(x))

    @property
    def height(self) -> Array:
        """The largest magnitude of the gradient at the probes.

        There is one for each neuron if parameters differ; 1 if all values are 0 or NaN. Neurons and
        their potentials do not count: it is the same on every device.
        """
        are_traced = any(isinstance(array, jax.core.Tracer) for array in self.arrays)
        with nullcontext() if are_traced else jax.ensure_compile_time_eval():
            gradients = jax.vmap(self.gradient)(jnp.asarray(PROBES, float))
            magnitude = jnp.abs(jax.lax.stop_gradient(gradients))
            largest = jnp.max(jnp.where(jnp.isfinite(magnitude), magnitude, 0), axis=0)
            return jnp.where(largest > 0, largest, 1)

    def shape(self, dtype: jnp.dtype) -> tuple[int, ...]:
        """The shape of its parameters, which x of that dtype must broadcast against."""
        if not self.arrays:
            return ()
        return jax.eval_shape(self.gradient, jax.ShapeDtypeStruct((), dtype)).shape

    def _surrogate(self) -> Surrogate:
        """The surrogate with these arrays, in a State where there was one."""
        if not self.arrays:
            return self.owner.value
        remaining, (leaves, structure) = iter(self.arrays), _leaves(self.owner.value)
        held = [_like(leaf, next(remaining)) if _is_data(leaf) else leaf for leaf in leaves]
        twin = copy.copy(self.owner.value)
        vars(twin).update(jax.tree.unflatten(structure, held))
        return twin


# Jitted because outside of jit, every single operation costs as much as one small program.
@partial(jax.jit, inline=True)
def _with_nan(x: Array, value: ArrayLike) -> Array:
    """The value, but NaN with a derivative of NaN where x is NaN."""
    return jnp.asarray(value, x.dtype) + 0 * x * x


def _leaves(surrogate: Surrogate) -> tuple[list[Any], Any]:
    """The attributes of a surrogate and their structure; a State is a leaf."""
    return jax.tree.flatten(vars(surrogate), is_leaf=lambda x: isinstance(x, brainstate.State))


def _is_data(leaf: object) -> bool:
    return isinstance(leaf, (brainstate.State, jax.Array, np.ndarray))


def _value(leaf: Any) -> Array:
    return jnp.asarray(leaf.value if isinstance(leaf, brainstate.State) else leaf)


def _like(leaf: Any, value: Array) -> Any:
    return brainstate.State(value) if isinstance(leaf, brainstate.State) else value
