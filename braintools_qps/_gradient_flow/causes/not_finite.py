"""NaN and infinity, and where they begin: in the inputs, forward, in the loss or backward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jax import Array

from ..._wording import plural
from ..changes import Change, lower_slopes, other_surrogates
from ..evaluate import Measured
from ..passes import HUGE
from .cause import Cause, Finding

ZERO = "a division by 0, a root or logarithm at 0 or below"


def _membrane(measured: Measured) -> Finding | None:
    """The first membrane that is not finite: the earliest step, then the earliest population."""
    run, step = measured.evaluator.run, measured.step
    starts = [
        (start, order)
        for order, p in enumerate(step.populations)
        for values in (run.states[p.membrane], run.arguments[p.call])
        if (start := _first_step(values, HUGE)) is not None
    ]
    if not starts:
        return None
    start, order = min(starts)
    name, where = step.populations[order].name, f"at step {start}" if start else "at the first step"
    what = f"its membrane potential is NaN, infinite or beyond {HUGE:.0e}"
    text = f"{name} is not finite: {what} {where}"
    if origin := _in_inputs(run.inputs[1:], start):
        fill = "Drop or fill them, as with jax.numpy.nan_to_num(inputs)."
        return Finding((name,), f"{text}, because {origin}.", fill)
    advice = (
        "Look in its update for a state that feeds back undamped (no leak, or two states mixed "
        "up), a current in the wrong unit, a dt too long for its equations, large recurrent "
        f"weights, {ZERO}, or a dtype of half precision."
    )
    if not all(np.isfinite(values).all() for values in step.weights(name)):
        advice = "Its input weights are NaN: go back to a checkpoint and lower the learning rate."
    return Finding((name,), f"{text}, and so may be everything after it.", advice)


def _output(measured: Measured) -> Finding | None:
    """NaN or infinity in the outputs of the model, or in the objective."""
    run, cotangents = measured.evaluator.run, measured.evaluator.cotangents
    if steps := [step for x in run.outputs if (step := _first_step(x)) is not None]:
        text = (
            f"The output is not finite from step {min(steps)} on, although all membranes are: look "
            "at how the model computes it."
        )
    elif not np.isfinite(cotangents.value):
        text = (
            f"The objective is {cotangents.value} for these outputs, which are finite: look in it "
            f"for {ZERO}, or a label beyond the last output, for which JAX gives NaN."
        )
    elif not all(np.isfinite(values).all() for values in cotangents.values):
        text = (
            "The derivative of the objective is NaN or infinite for these outputs, as that of a "
            "root or a logarithm is at 0, or of NaN that a where or a nanmean leaves out: add a "
            "small constant below the root, and replace NaN before the arithmetic."
        )
    else:
        return None
    return Finding((), text)


def _surrogate(measured: Measured) -> Finding | None:
    """A surrogate whose derivative is NaN or infinite at a finite membrane potential."""
    pairs = zip(reversed(measured.step.callers), reversed(measured.slopes))
    name = next((name for name, x in pairs if _first_step(x) is not None), None)
    if name is None:
        return None
    text = (
        f"The surrogate gradient of {name} is not finite at finite membrane potentials, so no "
        "weight before it can be trained."
    )
    advice = (
        f"Correct the derivative of {type(measured.spikes[name]).__name__}: check_surrogate of "
        "braintools_qps.testing says where it fails."
    )
    return Finding((name,), text, advice)


def _gradient(measured: Measured) -> Finding | None:
    """A gradient that becomes NaN or infinite, although the forward pass is finite."""
    for p in reversed(measured.populations):
        back = _first_step(p.gradient.second_moments)
        if back is not None:
            text = (
                f"The gradient of {p.name} becomes NaN or infinite {plural(back, 'step')} before "
                f"the end. The mean slope of its surrogate is {p.slopes.per_scale:.2g}."
            )
            advice = (
                "Look for large recurrent weights, a state that feeds back undamped, "
                f"{ZERO}, or a dtype of half precision."
            )
            return Finding((p.name,), text, advice)
    return None


def _trained(measured: Measured) -> Finding | None:
    """A parameter that the trial made NaN or infinite."""
    if measured.tried is None or not measured.tried.not_finite:
        return None
    step, position = measured.step, measured.tried.not_finite[0]
    steps = len(measured.tried.record.losses)
    text = f"{step.path(position)} becomes NaN or infinite within {steps} steps of training."
    advice = f"Look where it is used for {ZERO}."
    if step.arrays.states[position].dtype == np.float16:
        advice += " Adam needs parameters in float32: in float16 its epsilon, 1e-8, is 0."
    fed = tuple(step.graph.fed_by(position))
    return Finding(fed, text, advice)


def _in_inputs(inputs: Sequence[Array], step: int) -> str:
    """A clause on NaN or infinity in the inputs up to this step; empty if there is none."""
    for values in inputs:
        places = np.argwhere(~np.isfinite(np.asarray(values)))
        if len(places) and places[0][0] <= step:
            names = ("step", "sample", "feature") if len(places[0]) > 2 else ("step", "feature")
            place = ", ".join(f"{name} {i}" for name, i in zip(names, places[0]))
            first = "1 value, at" if len(places) == 1 else f"{len(places)} values, the first at"
            return f"the inputs hold NaN or infinity: {first} {place}"
    return ""


def _first_step(values: object, largest: float = np.finfo(np.float64).max) -> int | None:
    """The first step at which a value is NaN, infinite or beyond the largest that is allowed."""
    sizes = np.abs(np.asarray(values, np.float64))
    is_sound = (sizes <= largest).reshape(len(sizes), -1).all(axis=1)  # False for NaN
    return None if is_sound.all() else int(np.argmin(is_sound))


PLACES = (_membrane, _output, _surrogate, _gradient, _trained)


def _find(measured: Measured) -> Finding | None:
    found = next(filter(None, (place(measured) for place in PLACES)), None)
    return found and found._replace(exact=True, final=True)


def _slopes(measured: Measured) -> Iterator[Change]:
    if _membrane(measured) or _output(measured):
        return  # no surrogate changes what is computed
    yield from other_surrogates(measured)
    yield from lower_slopes(measured)


NOT_FINITE = Cause(
    "not finite",
    "NaN or infinity: in the inputs, forward, in the objective, backward, or in training",
    "look at the population, the step and the origin in the message",
    _find,
    (_slopes,),
)
