"""The product of spikes and weights."""

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
    r"""Multiply spikes by weights, and store the spikes in one bit each for the backward pass.

    The value and all derivatives are those of ``jnp.dot(spikes, weights)``. Only memory differs:
    for the gradient of the weights, each neuron and step takes 1 bit instead of 32, plus 1 byte for
    every 32 neurons.

    A value that is not a spike raises a ValueError. Inside a JAX transformation, values cannot
    be checked. Such a value then makes the gradient NaN for the weights of the 32 neurons that are
    stored together. The product itself and the gradient of the spikes are still correct.
    `jax.debug_nans` finds where the NaN arises.

    Parameters
    ----------
    spikes : array_like or Quantity
        Spikes of shape (..., n). Each is 0 or the scale, up to rounding.
    weights : array_like or Quantity
        Weights of shape (n, m), (n,) or (..., n, m), as for `jax.numpy.dot`.
    scale : number, scalar array, Quantity or Unit, optional
        The value of one spike, in the unit of the spikes: ``1 / keep_probability`` after a dropout,
        or a synaptic gain, positive or negative. It may be traced. None means 1.

    Returns
    -------
    Array or Quantity
        The product, with the shape, dtype and unit of ``brainunit.linalg.dot(spikes, weights)``.

    Raises
    ------
    ValueError
        If a concrete spike is neither 0 nor the scale, or the scale is 0, not finite or more than
        one number.
    TypeError
        If the shapes do not fit, or spikes are not real numbers.
    brainunit.UnitMismatchError
        If spikes and scale differ in dimension.

    See Also
    --------
    SpikeLinear : A layer with this product.
    save_memory : Changes all layers of a model that can use it.

    Notes
    -----
    Memory is saved only for first derivatives under `jax.jit`. All other derivatives are just as
    exact, but the spikes are then stored in full, too. If spikes are sharded along their last axis,
    each device packs its own, provided that it holds a multiple of 32.

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
    product = _dot(plain, mantissa, value)
    return u.maybe_decimal(u.Quantity(product, unit=unit * u.get_unit(weights)))


# Jitted for speed outside of jit. Inside another trace, ``inline`` makes this jit disappear.
_dot = jax.jit(partial(packed_product, jnp.dot, None), inline=True)
