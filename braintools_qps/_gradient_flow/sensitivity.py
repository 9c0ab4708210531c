"""Measure how much a gradient depends on the surrogate, by changing the surrogate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._models import call_spike, required_neurons, set_spike, spike_of, traced_afresh
from .._surrogate import adjusted
from ..records import GradientSensitivity, ParameterSensitivity
from ..typing import Model, Node, SpikeFunction

PERTURBATIONS = {"dampening": 2.0, "scale": 2.0}
ROUNDING = 1e-5  # relative change that float32 makes by itself


def gradient_sensitivity(model: Model, gradient: Callable[[], Any]) -> GradientSensitivity:
    """Measure how much each parameter's gradient depends on the surrogate, for any learning rule.

    `gradient_flow` measures backpropagation through time. An online learner, an eligibility trace
    or your own rule may use the surrogate in another way, or not at all. This function computes
    your gradient three times: as it is, with all surrogates twice as high, and with all twice as
    wide.

    Parameters
    ----------
    model : brainstate.nn.Module
        The model whose surrogates are changed. It is left as it was.
    gradient : callable
        A function without arguments that returns the gradients as any pytree. Each call starts from
        the same states and the same random numbers of `brainstate.random`. Compile jitted functions
        and learners of braintrace inside it: if they were compiled before, they keep the old
        surrogate.

    Returns
    -------
    GradientSensitivity
        The relative change and the size of each parameter's gradient. It prints as a table.

    Raises
    ------
    TypeError
        If ``gradient`` cannot be called.
    ValueError
        If the model has no neuron with a Surrogate as its ``spk_fun``, or ``gradient`` calls none
        of them or returns nothing.

    Examples
    --------
    >>> import brainstate
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, gradient_sensitivity
    >>> class Readout(brainstate.nn.Module):
    ...     spk_fun = QPseudoSpike()
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.below, self.above = brainstate.ParamState(0.5), brainstate.ParamState(2.0)
    ...     def update(self):
    ...         return self.above.value * self.spk_fun(self.below.value)
    >>> model = Readout()
    >>> gradient = lambda: brainstate.transform.grad(
    ...     model.update, {"below": model.below, "above": model.above}
    ... )()
    >>> gradient_sensitivity(model, gradient)
    parameter  change  size
    above          0%     1
    below         50%  1.12
    - The surrogate decides the gradient of below, but not that of above.
    """
    neurons = {
        name: neuron
        for name, neuron in required_neurons(model).items()
        if isinstance(spike_of(neuron), Surrogate)
    }
    if not neurons:
        raise ValueError(
            "gradient_sensitivity needs neurons with a Surrogate as their spk_fun, and found none "
            f"in {type(model).__name__}. Set one with set_surrogate(model, 'QPseudoSpike')"
        )
    if not callable(gradient):
        raise TypeError(
            f"gradient must be a function that returns gradients, got {gradient!r}. Pass the "
            "function itself, without calling it"
        )
    before = _gradient_with(model, neurons, gradient, {})
    changes = [
        _gradient_with(model, neurons, gradient, {parameter: factor})
        for parameter, factor in PERTURBATIONS.items()
    ]
    parameters = tuple(
        ParameterSensitivity(
            name, float(np.max([_change(value, other[name]) for other in changes])), _norm(value)
        )
        for name, value in before.items()
    )
    return GradientSensitivity(parameters, tuple(_sentences(parameters)))


def _gradient_with(
    model: Model, neurons: dict[str, Node], gradient: Callable[[], Any], change: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The gradients by name, as plain numbers, with perturbed surrogates."""
    called: list[str] = []
    with traced_afresh(model):
        for name, neuron in neurons.items():
            set_spike(neuron, _noting(adjusted(spike_of(neuron), **change), called, name))
        leaves = jax.tree_util.tree_leaves_with_path(gradient(), is_leaf=u.math.is_quantity)
    if not called:
        raise ValueError(
            "gradient() must call the model's spike functions each time, but called none, as if "
            "it had been compiled before. Compile it, or the learner in it, inside gradient()"
        )
    if not leaves:
        raise ValueError(
            "gradient() must return gradients as a pytree of arrays, got none. Return what "
            "brainstate.transform.grad gives"
        )
    return {_name(path): np.asarray(u.get_mantissa(leaf), np.float64) for path, leaf in leaves}


def _name(path: tuple[Any, ...]) -> str:
    """The keys on the path to a leaf, joined by dots. brainstate's keys are tuples."""
    keys = (getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))) for key in path)
    parts = (part for key in keys for part in (key if isinstance(key, tuple) else (key,)))
    return ".".join(map(str, parts)) or "gradient"


def _noting(spike: Surrogate, called: list[str], name: str) -> SpikeFunction:
    def noted(x: Any) -> Any:
        called.append(name)
        return call_spike(spike, x)

    return noted


def _change(before: np.ndarray, after: np.ndarray) -> float:
    """Relative to the larger of the two; NaN where one of them is not finite."""
    largest = max(_norm(before), _norm(after))
    if not math.isfinite(largest):
        return math.nan
    change = float(np.linalg.norm(np.ravel(after - before))) / largest if largest else 0.0
    return change if change > ROUNDING else 0.0


def _norm(value: np.ndarray) -> float:
    return float(np.linalg.norm(np.ravel(value)))


def _sentences(found: tuple[ParameterSensitivity, ...]) -> Iterator[str]:
    zero = [p.name for p in found if p.size == 0]
    moved = [p.name for p in found if p.change > 0]
    still = [p.name for p in found if p.change == 0 and p.size > 0]
    lost = [p.name for p in found if math.isnan(p.change)]
    if moved:
        others = f", but not that of {', '.join(still)}" if still else ""
        yield f"The surrogate decides the gradient of {', '.join(moved)}{others}."
    elif not lost:
        yield (
            "The surrogate has no effect on these gradients: none changes when it is made twice as "
            "high or as wide. Neither another surrogate nor gradient_flow will help this training."
        )
    if lost:
        yield (
            f"The gradient of {', '.join(lost)} is not finite, either as it is or with a surrogate "
            "twice as high or as wide: look for NaN or overflow in the model."
        )
    if zero:
        yield f"The gradient of {', '.join(zero)} is 0, whatever the surrogate."
