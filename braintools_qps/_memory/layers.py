"""Linear layers and convolutions for spikes."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
from jax import Array, lax

from ..typing import Distance, Scale
from .matmul import spike_matmul
from .packed import packed_product
from .spikes import strip_spikes


class _WithScale(brainstate.nn.Module):
    """A layer with the value of one spike, of which brainstate's layers know nothing."""

    scale: Scale = None

    def __init__(self, *args: Any, scale: Scale = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale


class SpikeLinear(_WithScale, brainstate.nn.Linear):
    r"""A `brainstate.nn.Linear` for spikes that stores them in one bit each for the backward pass.

    The gradient of the weights needs 4% of the memory that it needs with `brainstate.nn.Linear`.
    Values and derivatives are the same, and states can be loaded in both directions.

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Linear`: ``in_size``, ``out_size``, ``w_init``, ``b_init``,
        ``w_mask``, ``name``, ``param_type``. Weights and bias may have a unit, the same for both.
    scale : number, scalar array or Quantity, optional
        The value of one spike: ``1 / prob`` after a `brainstate.nn.Dropout` in training. None
        means 1.

    Attributes
    ----------
    scale : number, scalar array, Quantity or None
        As given.

    Raises
    ------
    ValueError, TypeError, brainunit.UnitMismatchError
        In a call, if the input is not an array of spikes, as for `spike_matmul`.

    See Also
    --------
    spike_matmul : The product, with its errors and the values that give NaN.
    save_memory : Changes every layer of a model that receives spikes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeLinear
    >>> layer = SpikeLinear(3, 2)
    >>> layer(jnp.array([[0.0, 1.0, 1.0]])).shape
    (1, 2)
    """

    def update(self, x: Distance) -> Array | u.Quantity:
        """Multiply spikes by the weights and add the bias.

        Parameters
        ----------
        x : array_like or Quantity
            Spikes of shape (..., in_size).

        Returns
        -------
        Array or Quantity
            Currents of shape (..., out_size).

        Raises
        ------
        ValueError, TypeError, brainunit.UnitMismatchError
            If ``x`` is not an array of spikes, as for `spike_matmul`.

        Examples
        --------
        >>> import jax.numpy as jnp
        >>> from braintools_qps import SpikeLinear
        >>> SpikeLinear(3, 2).update(jnp.ones((4, 3))).shape
        (4, 2)
        """
        parameters = self.weight.value
        weights = parameters["weight"]
        if self.w_mask is not None:
            weights = weights * self.w_mask
        current = spike_matmul(x, weights, scale=self.scale)
        if "bias" not in parameters:
            return current
        return current + u.math.broadcast_to(parameters["bias"], current.shape)


class _SpikeConv(_WithScale):
    """The packed product that SpikeConv1d and SpikeConv2d share."""

    def _conv_op(self, x: Any, params: dict[str, Any]) -> Any:
        """Convolve spikes of shape (batch, ...) as brainstate does, and add the bias."""
        convolve = super()._conv_op
        weights, unit_of_weights = u.split_mantissa_unit(params["weight"])
        spikes, scale, unit = strip_spikes(x, self.scale, weights)
        shape = spikes.shape

        def product(spikes: Array, weights: Array) -> Array:
            return convolve(spikes.reshape(shape), {"weight": weights})

        # Packed along all axes of a sample, since channels may be few.
        current = packed_product(product, None, lax.collapse(spikes, 1), weights, scale)
        current = u.maybe_decimal(u.Quantity(current, unit=unit * unit_of_weights))
        return current + params["bias"] if "bias" in params else current


class SpikeConv1d(_SpikeConv, brainstate.nn.Conv1d):
    r"""A `brainstate.nn.Conv1d` for spikes that stores them in one bit each for the backward pass.

    Values and derivatives are those of `brainstate.nn.Conv1d`, and states can be loaded in both
    directions. Spikes have the shape (batch, length, channels), the result (batch, new length,
    out_channels).

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv1d`: ``in_size`` of (length, channels), ``out_channels``,
        ``kernel_size``, ``stride``, ``padding`` and so on. Weights and bias may have a unit, the
        same for both.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `SpikeLinear`. None means 1.

    Raises
    ------
    ValueError, TypeError, brainunit.UnitMismatchError
        In a call, if the input is not an array of spikes, as for `spike_matmul`.

    See Also
    --------
    SpikeConv2d : The same in two dimensions.
    spike_matmul : The product, with its errors and the values that give NaN.
    save_memory : Changes every layer of a model that receives spikes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv1d
    >>> layer = SpikeConv1d((8, 2), out_channels=3, kernel_size=3)
    >>> layer(jnp.ones((1, 8, 2))).shape
    (1, 8, 3)
    """


class SpikeConv2d(_SpikeConv, brainstate.nn.Conv2d):
    r"""A `brainstate.nn.Conv2d` for spikes that stores them in one bit each for the backward pass.

    It is `SpikeConv1d` in two dimensions: spikes have the shape (batch, height, width, channels),
    the result (batch, new height, new width, out_channels).

    Parameters
    ----------
    *args, **kwargs
        As for `brainstate.nn.Conv2d`: ``in_size`` of (height, width, channels), ``out_channels``,
        ``kernel_size``, ``stride``, ``padding`` and so on.
    scale : number, scalar array or Quantity, optional
        The value of one spike, as for `SpikeLinear`. None means 1.

    Raises
    ------
    ValueError, TypeError, brainunit.UnitMismatchError
        In a call, if the input is not an array of spikes, as for `spike_matmul`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from braintools_qps import SpikeConv2d
    >>> layer = SpikeConv2d((8, 8, 2), out_channels=3, kernel_size=3, stride=2)
    >>> layer(jnp.ones((1, 8, 8, 2))).shape
    (1, 4, 4, 3)
    """
