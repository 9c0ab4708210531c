"""Linear layers and convolutions that spikes are fed to."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
from jax import Array, lax

from .matmul import spike_matmul
from .packed import packed_product
from .spikes import strip_spikes


class SpikeLinear(brainstate.nn.Linear):
    r"""Store the spikes that are fed to a `brainstate.nn.Linear` in one bit each.

    Parameters, initialisers, states, values and derivatives are those of `brainstate.nn.Linear`, so
    that the states of a trained one load into the other, either way. Backpropagation through time
    stores 4% of what `brainstate.nn.Linear` stores for the gradient of the weights.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Linear`: ``in_size``, ``out_size``, ``w_init``, ``b_init``,
        ``w_mask``, ``name``, ``param_type``. Weights may carry a unit; a bias then has the same.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `spike_matmul`: ``1 / prob`` behind a
        `brainstate.nn.Dropout` in training. By default 1.

    Attributes
    ----------
    scale : number, scalar array, Quantity or None
        As given; behind a dropout, `save_memory` sets one for training and one for evaluation.

    See Also
    --------
    spike_matmul : What happens to input that is not spikes.
    save_memory : Turn every Linear that is fed by spikes into one of these.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeLinear
    >>> layer = SpikeLinear(3, 2)
    >>> layer(jnp.array([[0.0, 1.0, 1.0]])).shape
    (1, 2)
    """

    scale: Any = None

    def __init__(self, *args: Any, scale: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale

    def update(self, x: Any) -> Any:
        """Multiply spikes by the weights and add the bias.

        Parameters
        ----------
        x : array_like or Quantity
            Spikes of shape (..., in_size).

        Returns
        -------
        Array or Quantity
            Currents of shape (..., out_size).
        """
        parameters = self.weight.value
        weights = parameters["weight"]
        if self.w_mask is not None:
            weights = weights * self.w_mask
        current = spike_matmul(x, weights, scale=self.scale)
        if "bias" not in parameters:
            return current
        return current + u.math.broadcast_to(parameters["bias"], current.shape)


class _SpikeConv(brainstate.nn.Module):
    """What SpikeConv1d and SpikeConv2d add to a convolution of brainstate."""

    scale: Any = None

    def __init__(self, *args: Any, scale: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale

    def _conv_op(self, x: Any, params: dict[str, Any]) -> Any:
        """Convolve spikes of shape (batch, ...) by brainstate's own operation, and add the bias."""
        convolve = super()._conv_op
        weights, unit_of_weights = u.split_mantissa_unit(params["weight"])
        spikes, scale, unit = strip_spikes(x, self.scale, weights)
        shape = spikes.shape

        def product(spikes: Array, weights: Array) -> Array:
            return convolve(spikes.reshape(shape), {"weight": weights})

        # Packed along all axes of a sample, since channels may be few.
        current = packed_product(product, lax.collapse(spikes, 1), weights, scale)
        current = u.maybe_decimal(u.Quantity(current, unit=unit * unit_of_weights))
        return current + params["bias"] if "bias" in params else current


class SpikeConv1d(_SpikeConv, brainstate.nn.Conv1d):
    r"""Store the spikes that are fed to a `brainstate.nn.Conv1d` in one bit each.

    Parameters, initialisers, states, values and derivatives are those of `brainstate.nn.Conv1d`, so
    that the states of a trained one load into the other, either way.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv1d`: ``in_size`` of (length, channels), ``out_channels``,
        ``kernel_size``, ``stride``, ``padding`` and so on. Weights may carry a unit; a bias then
        has the same.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `SpikeLinear`. By default 1.

    See Also
    --------
    SpikeConv2d : In two dimensions.
    spike_matmul : What happens to input that is not spikes.
    save_memory : Turn every convolution that is fed by spikes into one of these.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv1d
    >>> layer = SpikeConv1d((8, 2), out_channels=3, kernel_size=3)
    >>> layer(jnp.ones((1, 8, 2))).shape
    (1, 8, 3)
    """


class SpikeConv2d(_SpikeConv, brainstate.nn.Conv2d):
    r"""Store the spikes that are fed to a `brainstate.nn.Conv2d` in one bit each.

    It is `SpikeConv1d` in two dimensions.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv2d`: ``in_size`` of (height, width, channels), ``out_channels``,
        ``kernel_size``, ``stride``, ``padding`` and so on.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `SpikeLinear`. By default 1.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv2d
    >>> layer = SpikeConv2d((8, 8, 2), out_channels=3, kernel_size=3, stride=2)
    >>> layer(jnp.ones((1, 8, 8, 2))).shape
    (1, 4, 4, 3)
    """
