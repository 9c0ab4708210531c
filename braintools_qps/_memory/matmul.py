"""Spikes times weights."""

from __future__ import annotations

from functools import partial

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .packed import packed_product
from .spikes import strip_spikes


def spike_matmul(
    spikes: ArrayLike | u.Quantity,
    weights: ArrayLike | u.Quantity,
    *,
    scale: ArrayLike | u.Quantity | None = None,
) -> Array | u.Quantity:
    r"""Multiply spikes by weights, and store the spikes in one bit each.

    The value is that of ``jnp.dot(spikes, weights)``, and so are all derivatives. What differs is
    what backpropagation through time stores for the gradient of the weights: for each neuron and
    step a bit in place of 32, and for each 32 neurons a byte that says whether all were spikes.

    A concrete array with an element that is not a spike is an error. Within a transformation, where
    elements cannot be looked at, such an element, NaN included, makes the derivative NaN with
    respect to the weights that it and its neighbours, 32 in a group, are multiplied with; the value
    and the derivative with respect to the spikes are right all the same. `jax.debug_nans` runs such
    a program again step by step, up to the error.

    Parameters
    ----------
    spikes : array_like or Quantity
        Of shape (..., n), each 0 or the scale.
    weights : array_like or Quantity
        Of shape (n, m), or any shape that `jax.numpy.dot` takes there: (n,) or (..., n, m).
    scale : number, scalar array, Quantity or Unit, optional
        The value of one spike, in the unit of the spikes: ``1 / keep_probability`` after a dropout,
        or a synaptic gain, of either sign. It may be traced. By default 1. A spike equals it to
        within a unit in the last place.

    Returns
    -------
    Array or Quantity
        Of the shape, dtype and unit that ``brainunit.linalg.dot(spikes, weights)`` has.

    Raises
    ------
    ValueError
        If the shapes do not fit, a concrete spike is neither 0 nor the scale, or the scale is 0,
        not finite or more than one number.
    TypeError
        If spikes or their scale are not real numbers.
    brainunit.UnitMismatchError
        If spikes and scale differ in their dimension.

    See Also
    --------
    SpikeLinear : A layer of it.
    save_memory : Use it wherever a model can.

    Notes
    -----
    The derivative with respect to the weights is a product with the packed spikes inside a
    `jax.checkpoint`, so that a scan stacks bytes. A second derivative is as exact, but stores the
    spikes in full as well, and so does a first one outside of `jax.jit`. Spikes that are spread
    over devices along their last axis are packed where they are, if each has a multiple of 32.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from braintools_qps import spike_matmul
    >>> spikes, weights = jnp.array([0.0, 1.0, 1.0]), jnp.array([[1.0], [2.0], [4.0]])
    >>> spike_matmul(spikes, weights)
    Array([6.], dtype=float32)
    >>> jax.grad(lambda w: spike_matmul(spikes, w).sum())(weights).ravel()
    Array([0., 1., 1.], dtype=float32)
    >>> spike_matmul(2 * spikes, weights, scale=2.0)
    Array([12.], dtype=float32)
    """
    mantissa = jnp.asarray(u.get_mantissa(weights))
    plain, value, unit = strip_spikes(spikes, scale, mantissa)
    _check_shapes(plain, mantissa)
    if jnp.issubdtype(plain.dtype, jnp.floating):
        product = _dot(plain, mantissa, value)
    else:  # integers have no derivative to store anything for
        product = jnp.dot(plain, mantissa)
    return u.maybe_decimal(u.Quantity(product, unit=unit * u.get_unit(weights)))


# Jitted for calls outside of jit; inside another trace ``inline`` leaves no sign of it.
_dot = jax.jit(partial(packed_product, jnp.dot), inline=True)


def _check_shapes(spikes: Array, weights: Array) -> None:
    if not spikes.ndim or not weights.ndim or spikes.shape[-1] != weights.shape[-2:][0]:
        raise ValueError(
            "spikes of shape (..., n) need weights of shape (n, m), (n,) or (..., n, m), got "
            f"{spikes.shape} and {weights.shape}. Transpose the weights if they are (m, n)"
        )
