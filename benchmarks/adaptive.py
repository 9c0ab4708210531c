"""Surrogates that adapt or are asymmetric, from the equations of papers.

They are `Surrogate` classes like any user's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate
from jax import Array

from braintools_qps._models import find_neurons

TINY = 1e-6  # a width, where all membranes are alike


class SpreadWidth(Surrogate):
    """1/κ where |x| < κ/2, with κ twice the deviation of x over neurons and samples.

    The rectangle of MPD-AGL (Jiang et al., arXiv 2505.11863), whose width is twice the deviation
    that batch normalization would give the membranes. Here their deviation is measured.
    """

    def surrogate_grad(self, x: Array) -> Array:
        width = self._width(x)
        return jnp.where(jnp.abs(x) < width / 2, 1 / width, 0.0)

    def surrogate_fun(self, x: Array) -> Array:
        return 0.5 + jnp.clip(x / self._width(x), -0.5, 0.5)

    def _width(self, x: Array) -> Array:
        return jnp.maximum(2 * jnp.std(jax.lax.stop_gradient(x)), TINY)


class Asymmetric(Surrogate):
    """x/(2β) + h where |x| <= β: the more, the higher the membrane.

    The asymmetric form of A2SG (Kang et al., arXiv 2606.11236), with a fixed window β.
    """

    def __init__(self, width: float = 1.0, bias: float = 0.5) -> None:
        self.width, self.bias = width, bias

    def surrogate_grad(self, x: Array) -> Array:
        inside = jnp.abs(x) <= self.width
        return jnp.where(inside, x / (2 * self.width) + self.bias, 0.0)

    def surrogate_fun(self, x: Array) -> Array:
        inside = jnp.clip(x, -self.width, self.width)
        return 0.5 + inside**2 / (4 * self.width) + self.bias * inside


class LearntWidth(Surrogate):
    """A surrogate g with a width w that is trained: g'(x/w)/w, and by w the derivative of g(x/w).

    The spike is the same for every w, as x/w has the sign of x.
    """

    def __init__(self, surrogate: Surrogate, log_width: brainstate.State) -> None:
        self.surrogate, self.log_width = surrogate, log_width

    def __call__(self, x: Array) -> Array:
        return self.surrogate(x / self._width)

    def surrogate_grad(self, x: Array) -> Array:
        return self.surrogate.surrogate_grad(x / self._width) / self._width

    def surrogate_fun(self, x: Array) -> Array:
        return self.surrogate.surrogate_fun(x / self._width)

    @property
    def _width(self) -> Array:
        return jnp.exp(self.log_width.value)


def with_learnt_width(
    make: Callable[..., Any], features: int, outputs: int, steps: int, surrogate: Surrogate
) -> Any:
    """A network whose populations each train the width of their surrogate, from 1."""
    model = make(features, outputs, steps)
    for neuron in find_neurons(model).values():
        neuron.log_width = brainstate.ParamState(jnp.zeros(()))
        neuron.spk_fun = LearntWidth(surrogate, neuron.log_width)
    return model


FORMS = {"spread width": SpreadWidth(), "asymmetric": Asymmetric()}
