"""Scale weights, one population after the other, until each fires at a given rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import brainstate
import jax
import numpy as np
from jax import Array
from scipy.optimize import brentq

from .._checks import is_positive
from .._models import checked_inputs
from ..records import NormalizedRate, NormalizedRates
from ..typing import Inputs, Model
from .passes import HUGE, compiled, forward, replaced, with_index
from .step import Step
from .tracing import trace

WIDEST = 10  # a factor is from 2**-WIDEST to 2**WIDEST
CUTS = 16  # iterations of the root search between two powers of 2
RUNS_AWAY = 2.0  # stands for the rate if membranes are not finite: above any rate
CLOSE = 0.01  # relative distance from the target at which the search ends
AS_NEAR = 2.0  # ratio to the target that is accepted where no factor attains it
SWEEPS = 5  # over all populations; those that feed each other need more than one
SETTLED = 0.1  # relative change of rates in a sweep, below which sweeps end

Rates = dict[str, float]  # spikes per neuron and step, by population


def normalize_rates(
    model: Model, inputs: Inputs, rate: float = 0.1, *, batch_first: bool = False
) -> NormalizedRates:
    r"""Scale the weights of a model until every population fires at a given rate.

    It multiplies all weights that feed a population, recurrent ones included, by one factor, so
    that the mean firing rate over these inputs becomes ``rate``. If the rate jumps as the factor
    grows, so that no factor gives ``rate``, the result is within a factor of 2 of it. Biases stay.
    Populations are scaled in the order in which signals reach them.

    This is the layer-sequential initialisation of Mishkin & Matas [1]_, with the firing rate
    instead of the variance. Like the fluctuation-driven initialisation of Rossbroich et al. [2]_,
    it keeps activity from dying out or saturating in deep networks, and recurrent weights keep
    their share of the input. When we trained eight layers on digits, rates from 0.05 to 0.2 did
    equally well, and 0.3 did worse. Scaling may not help a population whose input weights all have
    the same sign: subtract their mean first.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. Its weights are changed and keep their units and dtypes. Surrogates,
        other states and the random state stay as they are. After an error, weights have not
        changed.
    inputs : Array, Quantity or pytree of them, or Task
        A batch of training data, of shape (time, features) or (time, batch, features...), with or
        without a unit. Or a task of `load_task`, of which 64 training samples are used.
    rate : float
        The firing rate, in spikes per neuron and step.
    batch_first : bool
        Whether inputs have the shape (batch, time, features...), as for `gradient_flow`.

    Returns
    -------
    NormalizedRates
        The rate before and after and the factor for each population. It prints as a table. A
        population without input weights is not scaled, and its factor is None.

    Raises
    ------
    ValueError
        If the rate is not between 0 and 1, or no factor from 1/1024 to 1024 brings a population to
        it. If the same weights feed several populations. If the inputs have no time step or parts
        that differ in time steps or samples, or the model has no neuron with ``V`` and ``spk_fun``.

    See Also
    --------
    gradient_flow : Finds silent and saturated populations, and other causes.
    normalize_surrogate : Lowers surrogates that are too high.

    References
    ----------
    .. [1] D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016, arXiv:1511.06422,
       algorithm 1.
    .. [2] J. Rossbroich, J. Gygax and F. Zenke, "Fluctuation-driven initialization for spiking
       neural network training", Neuromorphic Computing and Engineering 2 (2022) 044016,
       arXiv:2206.10226.

    Examples
    --------
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax
    >>> from braintools_qps import normalize_rates
    >>> brainstate.random.seed(0)
    >>> network = brainstate.nn.Sequential(
    ...     brainstate.nn.Linear(20, 50),
    ...     lambda z: z * u.mA,
    ...     brainpy.state.LIF(50, V_th=1 * u.mV),
    ... )
    >>> inputs = jax.random.uniform(jax.random.key(0), (30, 4, 20))
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     done = normalize_rates(network, inputs)
    >>> [one.population for one in done.populations]
    ['layers.2']
    >>> bool(abs(done.populations[0].after - 0.1) < 0.01)
    True
    """
    rate = checked_rate(rate)
    inputs = checked_inputs(inputs, batch_first=batch_first)
    step = trace(model, inputs)
    weights = separate_weights(step)
    measure = rates_of(step, with_index(inputs))
    before = measure(step.arrays.states)
    scaling = scaled_to(step, weights, measure, rate)
    write_leaves(model, step, scaling.states)
    rows = (NormalizedRate(n, before[n], scaling.after[n], scaling.factors.get(n)) for n in before)
    return NormalizedRates(rate, tuple(rows))


def attained(rate_at: Callable[[float], float], target: float) -> float | None:
    """The factor nearest to 1 at which the firing rate is the target; None if there is none.

    Factors go up to ``2**WIDEST``. Where the rate passes the target between two powers of 2, that
    interval is searched; where it jumps there, the nearest rate counts.
    """
    rates: dict[float, float] = {}  # by exponent

    def excess(exponent: float) -> float:
        if exponent not in rates:
            rate = rate_at(2.0**exponent)
            rates[exponent] = rate if np.isfinite(rate) else RUNS_AWAY
        above = rates[exponent] - target
        return 0.0 if abs(above) <= CLOSE * target else above

    sign = 1 if excess(0.0) < 0 else -1
    exponents = [float(sign * n) for n in range(WIDEST + 1)]
    steps = [*pairwise(exponents), *pairwise(-n for n in exponents)]
    if interval := next((each for each in steps if excess(each[0]) * excess(each[1]) <= 0), None):
        brentq(excess, *interval, maxiter=CUTS, disp=False)
    best = min(rates, key=lambda exponent: abs(rates[exponent] - target))
    return 2.0**best if target / AS_NEAR <= rates[best] <= target * AS_NEAR else None


def checked_rate(rate: float) -> float:
    """The rate as a Python number."""
    if not (is_positive(rate) and rate < 1):
        raise ValueError(
            "rate must be greater than 0 and less than 1, in spikes per neuron and step\n"
            f"Got {rate!r}\nPass rate=0.1"
        )
    return float(rate)


def separate_weights(step: Step) -> dict[str, list[int]]:
    """Positions of the weights that feed each population. Raise if some feed two."""
    weights = {p.name: step.graph.input_weights(p.name) for p in step.populations}
    fed: dict[int, str] = {}
    for name, positions in weights.items():
        for position in positions:
            if position in fed:
                raise ValueError(
                    "each population must have its own weights to be scaled\n"
                    f"{fed[position]} and {name} share {step.path(position)}\n"
                    "Use a copy for each, or scale them by hand"
                )
            fed[position] = name
    return weights


def rates_of(step: Step, indexed: list[Array]) -> Callable[[Any], Rates]:
    """A function from the leaves of all states to the firing rates of all populations."""
    run = compiled(forward, step)
    within = lambda x: np.all(np.abs(np.asarray(x)) <= HUGE)  # False for NaN

    def measure(states: Sequence[Array]) -> Rates:
        ran, rates = run(step.arrays._replace(states=tuple(states)), indexed), {}
        for p, fired in zip(step.populations, ran.fired):
            is_finite = within(ran.states[p.membrane]) and within(ran.arguments[p.call])
            rates[p.name] = float(np.asarray(fired).mean()) if is_finite else np.nan
        return rates

    return measure


class Scaling(NamedTuple):
    """The factor for the weights of each population, and the states and rates after it."""

    factors: dict[str, float]
    states: Sequence[Array]
    after: Rates


def scaled_to(
    step: Step,
    weights: dict[str, list[int]],
    measure: Callable[[Any], Rates],
    rate: float,
) -> Scaling:
    """Scale the weights of one population after the other until each fires at the rate.

    Raises
    ------
    ValueError
        If no factor brings a population to the rate, or they do not attain it together.
    """
    factors = {name: 1.0 for name, positions in weights.items() if positions}
    states: Sequence[Array] = step.arrays.states
    for _ in range(SWEEPS):
        alone = {}
        for name in factors:
            rate_at = lambda factor, name=name, states=states: measure(
                scaled(states, weights[name], factor)
            )[name]
            factor = attained(rate_at, rate)
            if factor is None:
                raise _unattained(name, rate, rate_at)
            alone[name] = rate_at(factor)
            states, factors[name] = scaled(states, weights[name], factor), factors[name] * factor
        after = measure(states)
        if all(abs(after[name] - alone[name]) <= SETTLED * rate for name in factors):
            return Scaling(factors, states, after)
    rates = ", ".join(f"{name} {value:.3g}" for name, value in after.items())
    raise ValueError(
        f"all populations must be able to fire at {rate:g} per step together\n"
        f"They feed each other, and after {SWEEPS} rounds fire at {rates}\n"
        "Lower the feedback weights; nothing was changed"
    )


def scaled(states: Sequence[Array], positions: Sequence[int], factor: float) -> list[Array]:
    """The leaves of all states, with some of them multiplied."""
    leaves = [np.asarray(states[i]) for i in positions]
    larger = [jax.device_put((w * factor).astype(w.dtype)) for w in leaves]
    return replaced(states, positions, larger)


def write_leaves(model: Model, step: Step, leaves: Sequence[Array]) -> None:
    """Set the states of a model to these leaves, where they are not those of the step."""
    states, paths = brainstate.graph.states(model), [place.path for place in step.places]
    for path in {p for p, new, old in zip(paths, leaves, step.arrays.states) if new is not old}:
        values = [leaf for leaf, of in zip(leaves, paths) if of == path]
        states[path].value = jax.tree.unflatten(jax.tree.structure(states[path].value), values)


def _unattained(name: str, rate: float, rate_at: Callable[[float], float]) -> ValueError:
    widest = 2**WIDEST
    low, high = rate_at(1 / widest), rate_at(widest)
    fires = lambda at: (
        f"it fires at {at:.3g}" if np.isfinite(at) else "its membranes are not finite"
    )
    if low == high == 0:
        why = "Look at the inputs, at how its weights are drawn, at its threshold and at its bias"
    elif min(low, high) < rate < max(low, high):
        why = "Its neurons fire all together or not at all: give them different weights"
    else:
        why = "Look at its threshold, current and time constant, the units of all, dt and its bias"
    return ValueError(
        f"some factor from 1/{widest} to {widest} on its input weights must bring {name} to "
        f"{rate:g} spikes per step\n"
        f"With the smallest {fires(low)}, with the largest {fires(high)}\n"
        f"{why}; nothing was changed"
    )
