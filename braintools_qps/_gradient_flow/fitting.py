"""The surrogate and the learning rate that fit a model, for `prepare`."""

from __future__ import annotations

from typing import NamedTuple

import brainunit as u
import numpy as np
from braintools.surrogate import Surrogate

from .._causes import limits
from .._models import by_population
from .._registry import call_text
from .._surrogate import QPseudoSpike
from ..typing import SurrogateSpec
from .evaluate import Evaluator
from .normalize import lowered
from .remedies import IMPORT, SLOPES

NEAR_1 = (0.25, 4.0)  # distances from the threshold for which a scale of 1 is right
STEADY = 1e3  # growth of the gradient over all steps; at 3e4 a recurrent network did not train
LEARNING_RATE, RELAYED_RATE = 0.01, 1e-3  # for Adam, as trained in the casebook and deep stacks
LARGE_WEIGHTS = {100: 0.1, 10: 0.03}  # times the usual size: Adam's steps do not grow with them
DEEP, LONG = 8, 400  # populations and steps, from which 0.03 trained worse than 0.01 in our study


class Fitted(NamedTuple):
    """Surrogates by population, and the code that makes them."""

    surrogates: dict[str, Surrogate]
    code: str
    before: tuple[str, ...] = ()  # lines that run first


def fitted(surrogate: SurrogateSpec, evaluator: Evaluator) -> Fitted:
    """The surrogate, with a scale for membranes whose distance from threshold is not about 1."""
    chosen = by_population(surrogate, evaluator.step.spikes)
    result, scaling = dict(chosen), {}
    for p in (*evaluator.step.populations, *evaluator.step.readouts):
        spike, unit = chosen.get(p.name), p.argument_unit
        usual = float(f"{np.median(np.abs(evaluator.run.arguments[p.call])):.3g}")
        fits = unit is None and NEAR_1[0] <= usual <= NEAR_1[1]
        if fits or not 0 < usual < np.inf:
            continue
        if isinstance(spike, QPseudoSpike) and spike.scale is None:
            scale = usual if unit is None else u.Quantity(usual, unit=unit)
            result[p.name] = spike.replace(scale=scale)
            written = usual if unit is None else f'Quantity({usual}, "{unit}")'
            scaling[p.name] = f"{p.name!r}: {p.code}.replace(scale={written})"
    if isinstance(surrogate, str) and not scaling:
        return Fitted(result, repr(surrogate))
    try:
        calls = {name: call_text(spike) for name, spike in result.items()}
    except TypeError:  # the code names what the user has given
        if not scaling:
            return Fitted(result, "surrogate")
        given = "from brainunit import Quantity; set_surrogate(model, surrogate)"
        code = f"{{{', '.join(scaling.values())}}}"
        return Fitted(result, code, (f"{IMPORT}set_surrogate; {given}",))
    same = len(set(calls.values())) == 1 and calls.keys() == evaluator.step.spikes.keys()
    return Fitted(result, repr(next(iter(calls.values())) if same else calls))


def steady_slope(evaluator: Evaluator, surrogate: SurrogateSpec) -> float | None:
    """The highest mean slope with which the gradient keeps its size and direction, or else 0.1.

    None if a population has no slope, so that none can be lowered.
    """
    spikes = evaluator.step.spikes | by_population(surrogate, evaluator.step.spikes)
    for slope in SLOPES:
        try:
            after = evaluator.measure(lowered(evaluator, spikes, slope))
        except ValueError:  # a mean slope of 0, or NaN
            return None
        gradients = [p.gradient for p in after.populations]
        if not any(g.end_to_end > STEADY or g.overshoots for g in gradients):
            return slope
    return limits.HIGH_SLOPE


def learning_rate_for(evaluator: Evaluator, *, relayed: bool) -> float:
    """A learning rate for Adam, which grows with the weights, and not in deep or long networks.

    Their size is the length of those that feed a neuron, as a geometric mean over all matrices.
    """
    step = evaluator.step
    if relayed:
        return RELAYED_RATE
    if len(step.populations) >= DEEP or len(evaluator.run.inputs[0]) >= LONG:
        return LEARNING_RATE
    weights = [step.arrays.states[i] for p in step.populations for i in step.matrices(p)]
    squares = [np.mean(np.square(w, dtype=np.float64)) * np.prod(w.shape[:-1]) for w in weights]
    size = np.exp(np.mean(np.log(squares)) / 2) if squares and all(squares) else 1.0
    return next((rate for least, rate in LARGE_WEIGHTS.items() if size > least), LEARNING_RATE)
