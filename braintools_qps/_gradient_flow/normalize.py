"""Dampening for each population by a stated rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from braintools.surrogate import Surrogate

from .._checks import is_positive
from .._models import by_population, checked_inputs
from ..records import HIGH_SLOPE
from ..typing import SurrogateSpec
from . import measures
from .evaluate import Evaluator, evaluator
from .given import Sought
from .loss import Followed, check_draws
from .target import changed
from .tracing import trace

CRITERIA = ("mean_slope", "second_moment", "depth")
SWEEPS = 24  # of the search for equal second moments, over all populations
CLOSE = 0.02  # relative, between second moments' roots that count as equal
LARGEST = 64.0  # factor of a dampening


def normalize_surrogate(
    model: Any,
    inputs: Any,
    rule: str = "mean_slope",
    *,
    surrogate: SurrogateSpec | None = None,
    target: float | None = None,
    loss: Callable[[Any], Any] | None = None,
    draws: int = 8,
    seed: int = 0,
) -> dict[str, Surrogate]:
    r"""Choose a dampening for each population by a rule, from one forward pass.

    Spikes do not depend on the surrogate, so all slopes are known once the model has run.

    ===================  ==========================================================================
    rule                 what is brought down to the target, or made equal, by dampening alone
    ===================  ==========================================================================
    ``"mean_slope"``     :math:`\mathrm E[G]`, the mean of the surrogate gradient over neurons
                         and steps
    ``"second_moment"``  the root of :math:`\mathrm E[G^2]`
    ``"depth"``          the root mean square of the gradient :math:`\mathrm{d}L/\mathrm{d}V` over
                         all steps, which is made equal in all populations; the last on the way to
                         the output keeps its dampening
    ===================  ==========================================================================

    In the study of the documentation a mean slope of 0.1 brought back most of what was lost by too
    high a surrogate and took nothing from the others that could be told from noise; ``"depth"`` did
    less. A rule is a starting point, not a promise: train with what it gives and with what you had
    before.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. It is left as it was.
    inputs : Array, Quantity or pytree of them
        Of shape (time, features) or (time, batch, features...).
    rule : {"mean_slope", "second_moment", "depth"}
        What is made equal.
    surrogate : str, mapping, type or Surrogate, optional
        What to start from, as `set_surrogate` takes it, populations by name included. By default
        what the model has.
    target : float, optional
        For ``"mean_slope"`` and ``"second_moment"``: the value to come down to, per unit of the
        spike function's argument. What lies below it keeps its dampening: none rises. By default
        0.1 for ``"mean_slope"`` where all spike functions take numbers, as those of brainpy.state
        do; otherwise the lowest of any population.
    loss : callable, optional
        For ``"depth"``, as for `gradient_flow`.
    draws, seed : int
        For ``"depth"``: how many random projections, and their seed.

    Returns
    -------
    dict of str to Surrogate
        A surrogate for each population by its name, as `set_surrogate` and `gradient_flow` take
        them. A `Scaled` one where the surrogate has no dampening itself.

    Raises
    ------
    ValueError
        If there is no such rule, the target is not above 0 or is given for ``"depth"``, the inputs
        have no time step or parts of different length, a dampening is a State, a population's spike
        function is no Surrogate or the population has no slope or no gradient, or no dampening
        evens the moments out without raising it so far that the gradient changes its sign from step
        to step.

    See Also
    --------
    set_surrogate : Puts them into the model.

    Examples
    --------
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax
    >>> from braintools_qps import normalize_surrogate, set_surrogate
    >>> network = brainstate.nn.Sequential(
    ...     brainpy.state.LIF(20), lambda z: 2 * z * u.mA, brainpy.state.LIF(20)
    ... )
    >>> inputs = 3 * jax.random.uniform(jax.random.key(0), (30, 4, 20)) * u.mA
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     chosen = normalize_surrogate(network, inputs, "mean_slope", surrogate="QPseudoSpike")
    >>> list(chosen)
    ['layers.0', 'layers.2']
    >>> set_surrogate(network, chosen)
    2
    """
    _check(rule, target)
    check_draws(draws, seed)
    inputs = checked_inputs(inputs)
    step = trace(model, inputs)
    measured = evaluator(step, inputs, Followed(loss, draws, seed), Sought())
    start = {population.name: population.spike for population in step.populations}
    if surrogate is not None:
        start |= by_population(surrogate, start)
    _require_dampening(start)
    if rule == "depth":
        factors = _even_depth(measured, start)
    else:
        factors = _even_slopes(measured, start, rule, target)
    return {name: changed(start[name], "dampening", factor) for name, factor in factors.items()}


def _check(rule: str, target: float | None) -> None:
    if rule not in CRITERIA:
        raise ValueError(
            f"rule must be one of {', '.join(CRITERIA)}, got {rule!r}. Pass 'mean_slope'"
        )
    if target is not None and rule == "depth":
        raise ValueError(
            f"the rule 'depth' makes populations equal and takes no target, got {target}. Leave it "
            "out, or pass rule='mean_slope'"
        )
    if target is not None and not is_positive(target):
        raise ValueError(
            "target must be a number without a unit, finite and greater than 0, got "
            f"{target!r}. Pass 0.1"
        )


def _require_dampening(start: Mapping[str, Any]) -> None:
    for name, spike in start.items():
        if changed(spike, "dampening", 1.0) is None:
            is_surrogate = isinstance(spike, Surrogate)
            why = (
                "the dampening is a State" if is_surrogate else "the spike function is no Surrogate"
            )
            raise ValueError(
                f"every population needs a dampening to multiply, but in {name} {why}, got "
                f"{spike!r}. Pass surrogate={{{name!r}: 'QPseudoSpike'}}, with the parameters that "
                "it has now"
            )


def _even_slopes(
    evaluator: Evaluator, start: dict[str, Any], rule: str, target: float | None
) -> dict[str, float]:
    """For each population the factor that brings its slopes down to the target."""
    power = 1 if rule == "mean_slope" else 2
    slopes = evaluator.slopes(start)
    measured = {}
    for population in evaluator.step.populations:
        met = np.asarray(slopes[evaluator.step.last_call(population)], np.float64)
        measured[population.name] = float(np.mean(met**power)) ** (1 / power)
    _require_some(measured, "slope above 0")
    numbers = all(population.argument_unit is None for population in evaluator.step.populations)
    if target is None:
        target = HIGH_SLOPE if rule == "mean_slope" and numbers else min(measured.values())
    return {name: _rounded(min(1.0, target / value)) for name, value in measured.items()}


def _even_depth(evaluator: Evaluator, start: dict[str, Any]) -> dict[str, float]:
    """Factors for equal second moments, found from the output back, several times over.

    A population's moment is all but proportional to its dampening, unless recurrence or a reset
    make it steeper: a population that has gone too far takes steps half as long.
    """
    factors, pace = dict.fromkeys(start, 1.0), dict.fromkeys(start, 1.0)
    went: dict[str, float] = dict.fromkeys(start, 0.0)
    *others, last = [population.name for population in evaluator.step.populations]
    for _ in range(SWEEPS):
        sizes, consistencies = _sizes(evaluator, start, factors)
        _require_some(sizes, "gradient")
        if all(abs(sizes[name] / sizes[last] - 1) < CLOSE for name in others):
            rounded = {name: _rounded(factor) for name, factor in factors.items()}
            _require_direction(rounded, consistencies)
            return rounded
        for name in reversed(others):
            missing = math.log(sizes[last] / sizes[name])
            pace[name] *= 0.5 if missing * went[name] < 0 else 1.0
            went[name] = missing
            wanted = factors[name] * math.exp(pace[name] * missing)
            factors[name] = min(max(wanted, 1 / LARGEST), LARGEST)
            sizes, _ = _sizes(evaluator, start, factors)
            _require_some(sizes, "gradient")
    uneven = ", ".join(f"{name} {sizes[name] / sizes[last]:.3g}" for name in others)
    raise ValueError(
        f"dampening alone must even out the second moments, but with {factors} they still are, "
        f"relative to {last}: {uneven}. Take rule='mean_slope', or a surrogate with thinner tails"
    )


def _sizes(
    evaluator: Evaluator, start: dict[str, Any], factors: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Root mean square of each population's gradient over all steps, and its consistency."""
    amplitudes, cosines, _ = evaluator.backward(evaluator.slopes(start, "dampening", factors))
    squares = np.square(np.asarray(amplitudes[..., evaluator.loss.whole], np.float64))
    roots = np.sqrt(squares.mean(axis=(1, 2)))
    sent_back = evaluator.loss.transported
    directions = [
        measures.consistency(c[:, sent_back], a[:, sent_back]) for c, a in zip(cosines, amplitudes)
    ]
    names = [population.name for population in evaluator.step.populations]
    return dict(zip(names, map(float, roots))), dict(zip(names, directions))


def _require_direction(factors: dict[str, float], consistencies: dict[str, float]) -> None:
    overshooting = [n for n, c in consistencies.items() if c < 0 and factors[n] > 1]
    if overshooting:
        raise ValueError(
            f"dampening must not rise until the reset overshoots, but equal second moments take "
            f"{factors}, with which the gradient changes its sign from step to step in "
            f"{', '.join(overshooting)}. Take rule='mean_slope'"
        )


def _require_some(values: dict[str, float], what: str) -> None:
    missing = [name for name, value in values.items() if not (math.isfinite(value) and value > 0)]
    if missing:
        raise ValueError(
            f"every population needs a {what} to be normalised, got none in {', '.join(missing)}. "
            "gradient_flow(model, inputs) says why"
        )


def _rounded(factor: float) -> float:
    return float(f"{factor:.4g}")
