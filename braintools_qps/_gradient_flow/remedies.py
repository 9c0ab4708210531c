"""Changes that may remove a cause, in the order in which they are tried.

Each is a line of code that the user can type. To try it, it is run as it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._causes import limits
from .._models import find_neurons, restoring, set_spike
from .._registry import call_text
from .._surrogate import QPseudoSpike, Scaled, is_step
from .._wording import listed
from ..typing import Inputs
from .cotangents import Objective
from .evaluate import Evaluator, Measured
from .findings import AGAIN, IMPORT, Change
from .normalize_rates import WIDEST, attained, is_only, of_one_sign, rates_of, scaled
from .step import Population, Step
from .tracing import trace

TARGET_RATE = 0.1  # spikes per neuron and step
ROUGHLY = 0.1  # relative distance from the target that is near enough to try
FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
WEAKER = (1 / 4, 1 / 16, 1 / 64, 1 / 256)
SLOPES = (limits.HIGH_SLOPE, 0.05, 0.02, 0.01)
ALPHAS = (2, 1)
FARTHEST = 40  # powers of two in which a factor is looked for, to say how far away it is


def after(measured: Measured, code: str) -> Measured:
    """What is measured after a line of code. The model is as it was, so no rule looks at it."""
    step, inputs = traced_after(measured, code)
    evaluator = measured.evaluator
    changed = Evaluator(step, inputs, evaluator.objective, labels=evaluator.labels)
    return changed.measure(step.spikes)


def traced_after(measured: Measured, code: str) -> tuple[Step, Inputs]:
    """The step of the model after a line of code, with the candidate in it, and its inputs."""
    model = measured.evaluator.model
    scope = {"model": model, "inputs": measured.evaluator.inputs}
    with restoring(model):
        neurons = find_neurons(model)
        for name, spike in measured.spikes.items():
            set_spike(neurons[name], spike)
        exec(code, scope)
        return trace(model, scope["inputs"]), scope["inputs"]


def for_rate(measured: Measured, name: str) -> Iterator[Change]:
    """Bring rates to `TARGET_RATE`: weights of both signs, all weights, some weights, the inputs.

    Weights of one sign drive membranes away, whatever their size: where such a population is
    saturated, smaller ones attain the rate and gained nothing in the casebook's trainings.
    """
    step, said = measured.step, f"ring every population to {TARGET_RATE:g} spikes per step"
    ways = [Change("B" + said, normalizing(step)[-1])]
    if name in of_one_sign(step):
        first = "Subtract the mean of weights of one sign, and then b"
        ways.append(Change(first + said, "; ".join(normalizing(step))))
    is_saturated = any(p.activity.is_saturated for p in measured.populations if p.name == name)
    yield from reversed(ways) if is_saturated else ways
    weights = step.input_weights(measured.step.population(name))
    for chosen in dict.fromkeys([tuple(weights), *((i,) for i in weights)]):
        if chosen and (factor := _factor(measured, name, chosen)):
            factor = float(f"{factor:.3g}")
            fed = [p.name for p in step.populations if set(chosen) & set(step.input_weights(p))]
            yield Change(
                f"Multiply {'the' if len(chosen) > 1 else 'only these'} input weights of "
                f"{listed(fed)} by {factor:g}",
                "; ".join(step.code(i, f"{factor:g} * {{0}}") for i in chosen),
            )
    for factor in FACTORS:
        yield _scaled_inputs(measured, f"{factor:g} * x")


def normalizing(step: Step, options: str = "") -> list[str]:
    """Lines that subtract the mean of weights of one sign, and bring populations to a rate."""
    uneven = (i for matrices in of_one_sign(step).values() for i in matrices)
    centring = [step.code(i, "{0} - {0}.mean()") for i in uneven]
    return [*centring, f"{IMPORT}normalize_rates; normalize_rates(model, inputs{options})"]


def weaker(measured: Measured, name: str) -> Iterator[Change]:
    """Weights that may inhibit a population, one matrix after the other, made weaker."""
    step = measured.step
    for factor in WEAKER:
        for i in step.matrices(step.population(name)):
            yield Change(
                f"Multiply the weights that hold {name} down by {factor:g}",
                step.code(i, f"{factor:g} * {{0}}"),
            )


def why_no_rate(measured: Measured, name: str) -> str:
    """The factor on its weights that a population would need, and the usual reasons."""
    step, population = measured.step, measured.step.population(name)
    weights = step.input_weights(population)
    if not weights and (fixed := step.graph.fixed[name]):
        return (
            f"Its weights are no brainstate.ParamState, so nothing scales or trains them: "
            f"{listed(map(step.path, fixed))}. Make them parameters: "
            f"{step.as_parameter(fixed[0])}. {AGAIN}"
        )
    if not weights:
        return (
            f"No weight matrix that could be scaled feeds {name}: look at a norm without a gain, "
            "its bias, its threshold and what it is fed."
        )
    if is_only(step, population, "inhibited"):
        return f"All input weights of {name} inhibit it or are 0: give them both signs."
    factor = _factor(measured, name, weights, widest=FARTHEST)
    much = f"It would take {float(f'{factor:.1g}'):g} times its input weights" if factor else (
        f"No factor on its input weights brings it to {TARGET_RATE:g} spikes per step"
    )  # fmt: skip
    return (
        f"{much}: look at the unit of its current and of its threshold, a clip of its current, a "
        f"reset far below the threshold, its adaptation, and inhibition. {AGAIN}"
    )


def wider(measured: Measured, names: Sequence[str]) -> Iterator[Change]:
    """A larger scale, or a fatter tail, with which at most half of the potentials are flat."""
    chosen = [p for p in measured.step.populations if p.name in names or not names]
    # A candidate is not in the model, so no expression leads to it.
    if not all(is_step(p.spike) and measured.spikes[p.name] is p.spike for p in chosen):
        yield from other_surrogate(measured, [p.name for p in chosen])
        return
    flat = lambda p, spike: measured.evaluator.slopes_of(p, spike).flat_share
    for factor in FACTORS:
        spikes = {p.name: Scaled(measured.spikes[p.name], scale=factor) for p in chosen}
        if all(flat(p, spikes[p.name]) <= limits.MAJORITY for p in chosen):
            each = (f"{p.name!r}: Scaled({p.code}, scale={factor:g})" for p in chosen)
            code = f"{{{', '.join(each)}}}"
            yield Change(
                f"Give it a scale {factor:g} times as large",
                f"{IMPORT}Scaled, set_surrogate; set_surrogate(model, {code})",
            )
    yield from other_surrogate(measured, [p.name for p in chosen], ALPHAS)


def other_surrogate(
    measured: Measured, names: Sequence[str], alphas: Sequence[int] = (8,)
) -> Iterator[Change]:
    """A `QPseudoSpike` of the membranes' own scale, with a mean slope of at most `HIGH_SLOPE`."""
    chosen = [p for p in measured.step.populations if p.name in names]
    for alpha in alphas:
        specs = {p.name: _fitting(measured.evaluator, p, alpha) for p in chosen}
        code = f"{IMPORT}set_surrogate; set_surrogate(model, {specs!r})"
        yield Change("Use another surrogate", code)


def lower(measured: Measured) -> Iterator[Change]:
    """Lower mean slopes; then also without a gradient through the reset."""
    own = measured.step.spikes
    changed = {n: spike for n, spike in measured.spikes.items() if spike is not own[n]}
    try:
        specs = {n: call_text(spike) for n, spike in changed.items()}
    except TypeError:
        return  # no line could name the candidate
    candidate = f", surrogate={specs!r}" if specs else ""
    for detach in (False, True):
        for slope in SLOPES:
            options = candidate + ("" if slope == limits.HIGH_SLOPE else f", mean_slope={slope:g}")
            detaching = ", detach_reset=True" * detach
            yield Change(
                f"Lower the mean slope to {slope:g} in every population"
                + ", and stop the gradient at the reset" * detach,
                f"{IMPORT}normalize_surrogate, set_surrogate; set_surrogate(model, "
                f"normalize_surrogate(model, inputs{options}){detaching})",
            )


def rescaled_inputs(measured: Measured, largest: float) -> Iterator[Change]:
    """Inputs that go up to 1."""
    divisor = float(f"{largest:.3g}")
    yield _scaled_inputs(measured, f"x / {divisor:g}")


def more_steps(measured: Measured) -> str:
    """The mean output of all steps in the loss, if the gradient then reaches all populations."""
    if measured.evaluator.objective.function is not None:
        return f"Let the objective read outputs and steps that depend on it. {AGAIN}"
    mean = lambda outputs: sum(jnp.mean(x) for x in jax.tree.leaves(outputs))
    evaluator = measured.evaluator
    other = Evaluator(measured.step, evaluator.inputs, Objective(mean))
    populations = other.measure(measured.spikes).populations
    if not all(np.any(p.gradient.second_moments) for p in populations):
        return f"Other steps of the output do not help: look at the inputs of late steps. {AGAIN}"
    return (
        "Put the mean output of all steps into the loss, in place of the last. To measure with it: "
        "gradient_flow(model, inputs, objective=lambda outputs: outputs.mean())."
    )


def _factor(
    measured: Measured, name: str, positions: Sequence[int], widest: int = WIDEST
) -> float | None:
    """A factor on some weights that brings a population's rate near `TARGET_RATE`."""
    states, rates = (
        measured.step.arrays.states,
        rates_of(measured.step, measured.evaluator.run.inputs),
    )
    rate_at = lambda factor: rates(scaled(states, positions, factor))[name]
    return attained(rate_at, TARGET_RATE, widest=widest, close=ROUGHLY)


def _fitting(evaluator: Evaluator, p: Population, alpha: int) -> str:
    """The spec of a `QPseudoSpike` that fits a population's membranes."""
    argument = np.abs(np.asarray(evaluator.run.arguments[p.call], np.float64))
    usual = np.median(argument[np.isfinite(argument)])
    scale = float(f"{np.clip(usual, 1e-9, 1e9):.2g}")
    width = scale if p.argument_unit is None else u.Quantity(scale, unit=p.argument_unit)
    spike = QPseudoSpike(alpha, scale=width)
    mean = evaluator.slopes_of(p, spike).per_scale
    dampening = float(f"{min(limits.HIGH_SLOPE / mean, 1.0) if mean > 0 else 1.0:.2g}")
    return call_text(spike.replace(dampening=dampening))


def _scaled_inputs(measured: Measured, code: str) -> Change:
    """Other inputs, in which ``x`` are the present ones or a part of them."""
    line = f"inputs = {code.replace('x', 'inputs')}"
    if not hasattr(measured.evaluator.inputs, "shape"):
        line = f"import jax; inputs = jax.tree.map(lambda x: {code}, inputs)"
    return Change("Scale the inputs, here and in training", line)
