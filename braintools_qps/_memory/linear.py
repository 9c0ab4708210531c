"""A linear layer fed by spikes."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u

from .matmul import spike_matmul


class SpikeLinear(brainstate.nn.Linear):
    r"""Stand in for `brainstate.nn.Linear` where spikes come in, and remember them in one bit.

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
    save_memory : Put it in place of every Linear that is fed by spikes.

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
