"""How gradients travel back through a spiking network, surrogate by surrogate.

Start here with `gradient_flow`, then read `step` (a brainstate model as a pure function of arrays),
`passes` (one forward, one backward) and `evaluate` (one candidate to its record). `jaxpr` is all
that a release of JAX can break; `measures`, `target` and `advice` say what the numbers mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._candidates import candidates
from ..records.flow import GradientFlow
from .evaluate import Bench, Spikes
from .passes import Forward, forward, loss_cotangents, projections
from .step import Step, advance, batch_size, trace

__all__ = ["advance", "gradient_flow"]

OWN = "model"


def gradient_flow(
    model: Any,
    inputs: Any,
    *,
    surrogates: Sequence[Any] | Mapping[str, Any] | str | None = None,
    loss: Callable[[Any], Any] | None = None,
    draws: int = 8,
    seed: int = 0,
    target: float | None = 1.0,
) -> dict[str, GradientFlow]:
    r"""Measure how the gradient travels back in time through a model, for each surrogate.

    Spikes do not depend on the surrogate, so the model is run once. Each candidate then costs one
    backward pass that gives :math:`\delta_t = \mathrm{d}L/\mathrm{d}V_t` for every membrane and
    step: the derivative by the value that the update of step t stores in ``V``, through everything
    that is computed from it, in that step and later. With a ``target``, which there is by default,
    it costs some 15 further backward passes for each parameter that is searched. Nothing is
    trained.

    It is a diagnosis. A growth of 1 per step keeps the gradient alive over many steps; it does not
    guarantee the best accuracy.

    Parameters
    ----------
    model : brainstate.nn.Module
        Called as ``model(x)``, or ``model.update(x)`` where it is not callable, once for each step
        with the step's index ``i`` and time ``t`` in `brainstate.environ`. Its neurons are all
        nodes with a state ``V`` and an elementwise ``spk_fun``. Its states are used as they are;
        where a neuron has no ``V`` yet, `brainstate.nn.init_all_states` is called with the batch
        size of the inputs. Model and states are afterwards as they were before.
    inputs : array_like, Quantity or pytree of them
        Of shape (time, features) or (time, batch, features...).
    surrogates : sequence, mapping of names, or str, optional
        Candidates, each as `get_surrogate` takes them, or a single string. They are put into all
        neurons. By default those that the model has, under the name ``"model"``.
    loss : callable, optional
        From the model's outputs of all steps, stacked along a first axis, to a scalar. By default
        random projections of the last step's output, so that the measure is of the network and not
        of a label. With a loss on every step, what a step adds itself hides how the gradient fades.
    draws : int
        How many random projections to average over.
    seed : int
        Of the random projections.
    target : float, optional
        The growth per step for which changes of ``scale``, ``dampening`` and, for `QPseudoSpike`,
        ``alpha`` are searched, from 1/16 to 16 times their values. None leaves the search out.

    Returns
    -------
    dict of str to GradientFlow
        One for each candidate, by its name: the key of the mapping, the string, or the surrogate's
        repr.

    Raises
    ------
    ValueError
        If the model has no neuron with ``V`` and ``spk_fun``, its states do not fit the inputs,
        the inputs have no time step, or the target is not finite and above 0.
    brainunit.UnitMismatchError
        If a neuron calls its spike function with a voltage and a candidate has no scale for it.

    See Also
    --------
    GradientFlow : What is measured.

    Examples
    --------
    >>> import brainstate
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, gradient_flow
    >>> class Layer(brainstate.nn.Module):
    ...     def __init__(self, n):
    ...         super().__init__()
    ...         self.recurrent = brainstate.nn.Linear(n, n)
    ...         self.spk_fun = QPseudoSpike()
    ...         self.V = brainstate.HiddenState(jnp.zeros(n))
    ...     def update(self, x):
    ...         spikes = self.spk_fun(self.V.value - 1)
    ...         self.V.value = 0.9 * self.V.value * (1 - spikes) + self.recurrent(spikes) + x
    ...         return self.spk_fun(self.V.value - 1)
    >>> inputs = jax.random.uniform(jax.random.key(0), (20, 64))
    >>> flows = gradient_flow(Layer(64), inputs, surrogates=["QPseudoSpike(alpha=4)", "Sigmoid"])
    >>> list(flows)
    ['QPseudoSpike(alpha=4)', 'Sigmoid']
    """
    inputs = jax.tree.map(jnp.asarray, inputs)
    _check(inputs, target)
    step = trace(model, inputs)
    run = forward(step, inputs)
    cotangents = _cotangents(step, run, loss, draws, seed)
    bench = Bench(step, run, cotangents, batch_size(inputs))
    return {
        label: bench.measure(label, spikes, target)
        for label, spikes in _candidates(step, surrogates).items()
    }


def _check(inputs: Any, target: float | None) -> None:
    shapes = [leaf.shape for leaf in jax.tree.leaves(inputs)]
    if not shapes or any(shape[:1] in ((), (0,)) for shape in shapes):
        raise ValueError(
            "inputs must have the shape (time, features) or (time, batch, features...) with one "
            f"time step or more, got {', '.join(map(str, shapes)) or 'nothing'}"
        )
    if target is not None and not (math.isfinite(target) and target > 0):
        raise ValueError(
            "target, the growth per step to aim at, must be finite and greater than 0, got "
            f"{target}. Pass 1.0, or None to leave the search out"
        )


def _cotangents(step: Step, run: Forward, loss: Any, draws: int, seed: int) -> list[Array]:
    if loss is not None:
        return loss_cotangents(step, run, loss)
    return projections(run, draws, seed)


def _candidates(step: Step, surrogates: Any) -> dict[str, Spikes]:
    """For each candidate's label, the surrogate of each population."""
    if surrogates is None:
        return {OWN: {population.name: population.spike for population in step.populations}}
    everywhere = lambda spike: {population.name: spike for population in step.populations}
    return {label: everywhere(one) for label, one in candidates(surrogates).items()}
