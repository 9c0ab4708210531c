"""Convolutions fed by spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate
import brainunit as u
from jax import Array, lax

from .product import packed_product
from .spikes import strip


class _SpikeConv(brainstate.nn.Module):
    """What goes before a convolution of brainstate, so that spikes are packed on their way in."""

    scale: Any = None

    def __init__(self, *args: Any, scale: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale

    def _conv_op(self, x: Any, params: dict[str, Any]) -> Any:
        return _convolved(super()._conv_op, x, params, self.scale)


class SpikeConv1d(_SpikeConv, brainstate.nn.Conv1d):
    r"""Stand in for `brainstate.nn.Conv1d` where spikes come in, and remember them in one bit.

    Parameters, initialisers, states, values and derivatives are those of `brainstate.nn.Conv1d`, so
    that the states of a trained one load into the other, either way.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv1d`. Weights may carry a unit; a bias then has the same.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `SpikeLinear`. By default 1.

    Attributes
    ----------
    scale : number, scalar array, Quantity or None
        As given; behind a dropout, `save_memory` sets one for training and one for evaluation.

    See Also
    --------
    SpikeConv2d : In two dimensions.
    spike_matmul : What happens to input that is not spikes.
    save_memory : Put it in place of every convolution that is fed by spikes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv1d
    >>> layer = SpikeConv1d((8, 2), out_channels=3, kernel_size=3)
    >>> layer(jnp.ones((1, 8, 2))).shape
    (1, 8, 3)
    """


class SpikeConv2d(_SpikeConv, brainstate.nn.Conv2d):
    r"""Stand in for `brainstate.nn.Conv2d` where spikes come in, and remember them in one bit.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv2d`.
    scale : number, scalar array or Quantity, optional
        As for `SpikeConv1d`, which is this layer in one dimension.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv2d
    >>> layer = SpikeConv2d((8, 8, 2), out_channels=3, kernel_size=3, stride=2)
    >>> layer(jnp.ones((1, 8, 8, 2))).shape
    (1, 4, 4, 3)
    """


def _convolved(
    convolve: Callable[..., Any], x: Any, params: dict[str, Any], scale: Any
) -> Array | u.Quantity:
    """Convolve spikes of shape (batch, ...) by brainstate's own operation, and add the bias."""
    weights, unit = u.split_mantissa_unit(params["weight"])
    plain = strip(x, scale, weights)
    shape = plain.spikes.shape

    def product(spikes: Array, weights: Array) -> Array:
        return convolve(spikes.reshape(shape), {"weight": weights})

    # Packed along all that a sample has, since channels may be few.
    spikes = lax.collapse(plain.spikes, 1)
    current = packed_product(product, spikes, weights, plain.scale)
    current = u.maybe_decimal(u.Quantity(current, unit=plain.unit * unit))
    return current + params["bias"] if "bias" in params else current
