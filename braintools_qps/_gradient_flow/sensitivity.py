"""Whether the surrogate matters to a gradient: perturb it, and compare what comes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._models import call_spike, find_neurons, traced_afresh
from .._surrogate import adjusted
from ..records import GradientSensitivity, ParameterSensitivity
from .tracing import no_neurons

PERTURBATIONS = {"dampening": 2.0, "scale": 2.0}
ROUNDING = 1e-5  # relative change that float32 makes by itself


def gradient_sensitivity(model: Any, gradient: Callable[[], Any]) -> GradientSensitivity:
    """Say how much a gradient of your own depends on the surrogate, parameter by parameter.

    `gradient_flow` follows backpropagation through time. An online learner, an eligibility trace or
    a rule of your own may use the surrogate in another way, or not at all. So the surrogates of all
    neurons are made twice as high, then twice as wide, and the gradient is taken each time.

    Parameters
    ----------
    model : brainstate.nn.Module
        The model whose neurons have their ``spk_fun`` perturbed. It is left as it was.
    gradient : callable
        Without arguments, returns the gradients as any pytree, the same at every call: random
        numbers of `brainstate.random` are repeated, and so are states. It has to compile
        inside what it uses: a function that was compiled earlier keeps its surrogate, and so does a
        learner of braintrace.

    Returns
    -------
    GradientSensitivity

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
    - The surrogate decides the gradient of below, and not that of above.
    """
    neurons = {
        name: neuron
        for name, neuron in find_neurons(model).items()
        if isinstance(neuron.spk_fun, Surrogate)
    }
    if not neurons:
        raise no_neurons("no neuron has a braintools Surrogate as its spk_fun")
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
    found = tuple(
        ParameterSensitivity(
            name, float(np.max([_change(value, other[name]) for other in changes])), _norm(value)
        )
        for name, value in before.items()
    )
    return GradientSensitivity(found, tuple(_sentences(found)))


def _gradient_with(
    model: Any, neurons: dict[str, Any], gradient: Callable[[], Any], change: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The gradients by name, as plain numbers, with perturbed surrogates."""
    called: list[str] = []
    with traced_afresh(model):
        for name, neuron in neurons.items():
            neuron.spk_fun = _noting(adjusted(neuron.spk_fun, **change), called, name)
        leaves = jax.tree_util.tree_leaves_with_path(gradient(), is_leaf=u.math.is_quantity)
    if not called:
        raise ValueError(
            "gradient() must call the model's spike functions each time, but called none: it was "
            "compiled before. Compile it, or the learner in it, within gradient()"
        )
    if not leaves:
        raise ValueError(
            "gradient() must return gradients as a pytree of arrays, got none. Return what "
            "brainstate.transform.grad gives"
        )
    return {_name(path): np.asarray(u.get_mantissa(leaf), np.float64) for path, leaf in leaves}


def _name(path: tuple[Any, ...]) -> str:
    """The keys on the way to a leaf; brainstate's are tuples themselves."""
    keys = (getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))) for key in path)
    parts = (part for key in keys for part in (key if isinstance(key, tuple) else (key,)))
    return ".".join(map(str, parts)) or "gradient"


def _noting(spike: Surrogate, called: list[str], name: str) -> Callable[[Any], Any]:
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
        others = f", and not that of {', '.join(still)}" if still else ""
        yield f"The surrogate decides the gradient of {', '.join(moved)}{others}."
    elif not lost:
        yield (
            "The surrogate has no effect on these gradients: none changes when it is made twice as "
            "high or as wide. Choosing another one changes nothing in this training, and "
            "gradient_flow says nothing about it."
        )
    if lost:
        yield (
            f"The gradient of {', '.join(lost)} is not finite, with the surrogate as it is or made "
            "twice as high or as wide: look for NaN or overflow in the model."
        )
    if zero:
        yield f"The gradient of {', '.join(zero)} is 0 with any of them."
