"""Changes that may remove a cause, in the order in which they are tried.

Each is a line of code that the user can type, and the same change made to a copy of the run.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._causes import limits
from .._models import check_detachable, find_neurons, restoring, set_reset
from .._registry import get_surrogate
from .._surrogate import Scaled, is_step
from .._wording import listed
from ..typing import Inputs
from .cotangents import Objective
from .evaluate import Evaluator, Measured, Spikes
from .findings import AGAIN, IMPORT, Change
from .normalize import lowered
from .normalize_rates import WIDEST, attained, of_one_sign, scaled, scaled_to, separate_weights
from .step import Population
from .tracing import trace

TARGET_RATE = 0.1  # spikes per neuron and step
ROUGHLY = 0.1  # relative distance from the target that is near enough to try
FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
WEAKER = (1 / 4, 1 / 16, 1 / 64, 1 / 256)
SLOPES = (limits.HIGH_SLOPE, 0.05, 0.02, 0.01)
ALPHAS = (2, 1)
FARTHEST = 40  # powers of two in which a factor is looked for, to say how far away it is


def for_rate(measured: Measured, name: str) -> Iterator[Change]:
    """Bring rates to `TARGET_RATE`: weights of both signs, all weights, some weights, the inputs.

    Weights of one sign drive membranes away, whatever their size: where such a population is
    saturated, smaller ones attain the rate and gained nothing in the casebook's trainings.
    """
    step, states = measured.step, measured.step.arrays.states
    of_sign = of_one_sign(step)
    ways = [_normalized(measured)]
    if name in of_sign:
        uneven = [i for matrices in of_sign.values() for i in matrices]
        ways.append(_normalized(measured, uneven))
    is_saturated = any(p.activity.is_saturated for p in measured.populations if p.name == name)
    yield from reversed(ways) if is_saturated else ways
    weights = step.input_weights(measured.step.population(name))
    for chosen in dict.fromkeys([tuple(weights), *((i,) for i in weights)]):
        if chosen and (factor := _factor(measured, name, chosen)):
            factor = float(f"{factor:.3g}")
            yield Change(
                f"Multiply {'the' if len(chosen) > 1 else 'only these'} input weights of {name} by "
                f"{factor:g}",
                "; ".join(step.code(i, f"{factor:g} * {{0}}") for i in chosen),
                partial(_with_states, measured, scaled(states, chosen, factor)),
            )
    for factor in FACTORS:
        yield _with_inputs(measured, f"{factor:g} * x", partial(operator.mul, factor))


def weaker(measured: Measured, name: str) -> Iterator[Change]:
    """Weights that may inhibit a population, one matrix after the other, made weaker."""
    step, states = measured.step, measured.step.arrays.states
    for factor in WEAKER:
        for i in step.matrices(measured.step.population(name)):
            yield Change(
                f"Multiply the weights that hold {name} down by {factor:g}",
                step.code(i, f"{factor:g} * {{0}}"),
                partial(_with_states, measured, scaled(states, [i], factor)),
            )


def why_no_rate(measured: Measured, name: str) -> str:
    """The factor on its weights that a population would need, and the usual reasons."""
    step, states = measured.step, measured.step.arrays.states
    weights = step.input_weights(measured.step.population(name))
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
    if all((states[i] <= 0).all() for i in weights):
        return f"All input weights of {name} are negative or 0: give them both signs."
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
                partial(_with_spikes, measured, spikes),
            )
    yield from other_surrogate(measured, [p.name for p in chosen], ALPHAS)


def other_surrogate(
    measured: Measured, names: Sequence[str], alphas: Sequence[int] = (8,)
) -> Iterator[Change]:
    """A `QPseudoSpike` of the membranes' own scale, with a mean slope of at most `HIGH_SLOPE`."""
    chosen = [p for p in measured.step.populations if p.name in names]
    for alpha in alphas:
        specs = {p.name: _fitting(measured.evaluator, p, alpha) for p in chosen}
        spikes = {name: get_surrogate(spec) for name, spec in specs.items()}
        yield Change(
            "Use another surrogate",
            f"{IMPORT}set_surrogate; set_surrogate(model, {specs!r})",
            partial(_with_spikes, measured, spikes),
        )


def lower(measured: Measured) -> Iterator[Change]:
    """Lower mean slopes; then also without a gradient through the reset."""
    for detach in (False, True):
        for slope in SLOPES:
            options = _candidate(measured)
            options += "" if slope == limits.HIGH_SLOPE else f", mean_slope={slope:g}"
            detaching = ", detach_reset=True" * detach
            yield Change(
                f"Lower the mean slope to {slope:g} in every population"
                + ", and stop the gradient at the reset" * detach,
                f"{IMPORT}normalize_surrogate, set_surrogate; set_surrogate(model, "
                f"normalize_surrogate(model, inputs{options}){detaching})",
                partial(_lowered, measured, slope, detach),
            )


def _candidate(measured: Measured) -> str:
    """The argument that names the surrogates that were measured, where they are not the model's."""
    own = measured.step.spikes
    changed = {n: str(spike) for n, spike in measured.spikes.items() if spike is not own[n]}
    return f", surrogate={changed!r}" if changed else ""


def rescaled_inputs(measured: Measured, largest: float) -> Iterator[Change]:
    """Inputs that go up to 1."""
    divisor = float(f"{largest:.3g}")
    yield _with_inputs(measured, f"x / {divisor:g}", lambda x: x / divisor)


def kept(measured: Measured, node: Any) -> Measured:
    """The model traced with a dropout that keeps what it dropped; the model itself stays."""
    evaluator = measured.evaluator
    with restoring(evaluator.model):
        node.prob = 1 - node.prob
        step = trace(evaluator.model, evaluator.inputs)
    inputs, objective, passes = evaluator.inputs, evaluator.objective, evaluator.passes
    return Evaluator(step, inputs, objective, passes).measure(measured.spikes)


def more_steps(measured: Measured) -> str:
    """The mean output of all steps in the loss, if the gradient then reaches all populations."""
    if measured.evaluator.objective.function is not None:
        return f"Let the objective read outputs and steps that depend on it. {AGAIN}"
    mean = lambda outputs: sum(jnp.mean(x) for x in jax.tree.leaves(outputs))
    evaluator = measured.evaluator
    other = Evaluator(measured.step, evaluator.inputs, Objective(mean), evaluator.passes)
    populations = other.measure(measured.spikes).populations
    if not all(np.any(p.gradient.second_moments) for p in populations):
        return f"Other steps of the output do not help: look at the inputs of late steps. {AGAIN}"
    return (
        "Put the mean output of all steps into the loss, in place of the last. To measure with it: "
        "gradient_flow(model, inputs, objective=lambda outputs: outputs.mean())."
    )


def _normalized(measured: Measured, uneven: Sequence[int] = ()) -> Change:
    """All rates at `TARGET_RATE`, after the means of some weights are subtracted."""
    evaluator, step = measured.evaluator, measured.step
    code = [step.code(i, "{0} - {0}.mean()") for i in uneven]
    code.append(f"{IMPORT}normalize_rates; normalize_rates(model, inputs)")

    def make() -> Measured:
        states = list(step.arrays.states)
        for i in uneven:
            states[i] = states[i] - states[i].mean()
        centred = evaluator.changed(states) if uneven else evaluator
        weights = separate_weights(step)
        scaling = scaled_to(centred.step, weights, centred.rates, TARGET_RATE, close=ROUGHLY)
        return centred.changed(scaling.states).measure(measured.spikes)

    said = f"Bring every population to {TARGET_RATE:g} spikes per step"
    return Change(
        "Subtract the mean of weights of one sign, and then b" + said[1:] if uneven else said,
        "; ".join(code),
        make,
    )


def _factor(
    measured: Measured, name: str, positions: Sequence[int], widest: int = WIDEST
) -> float | None:
    """A factor on some weights that brings a population's rate near `TARGET_RATE`."""
    states, rates = measured.step.arrays.states, measured.evaluator.rates
    rate_at = lambda factor: rates(scaled(states, positions, factor))[name]
    return attained(rate_at, TARGET_RATE, widest=widest, close=ROUGHLY)


def _fitting(evaluator: Evaluator, p: Population, alpha: int) -> str:
    """The spec of a `QPseudoSpike` that fits a population's membranes."""
    argument = np.abs(np.asarray(evaluator.run.arguments[p.call], np.float64))
    usual = np.median(argument[np.isfinite(argument)])
    scale = float(f"{np.clip(usual, 1e-9, 1e9):.2g}")
    unit = "" if p.argument_unit is None else f" {p.argument_unit}"
    scale_text = repr(f"{scale:g}{unit}") if unit else f"{scale:g}"
    spec = f"QPseudoSpike(alpha={alpha}, scale={scale_text}, dampening={{:g}})"
    spike = lambda dampening: get_surrogate(spec.format(dampening))
    mean = evaluator.slopes_of(p, spike(1.0)).per_scale
    return spec.format(float(f"{min(limits.HIGH_SLOPE / mean, 1.0) if mean > 0 else 1.0:.2g}"))


def _with_states(measured: Measured, states: Sequence[Any]) -> Measured:
    return measured.evaluator.changed(states).measure(measured.spikes)


def _with_spikes(measured: Measured, spikes: Spikes) -> Measured:
    return measured.evaluator.measure({**measured.spikes, **spikes})


def _with_inputs(measured: Measured, code: str, change: Callable[[Any], Any]) -> Change:
    """Other inputs. Where their dtype changes, the model is traced again."""
    evaluator = measured.evaluator

    def make() -> Measured:
        inputs = jax.tree.map(change, evaluator.inputs)
        is_same = _dtypes(inputs) == _dtypes(evaluator.inputs)
        made = evaluator.changed(inputs=inputs) if is_same else _traced_again(evaluator, inputs)
        return made.measure(measured.spikes)

    line = f"inputs = {code.replace('x', 'inputs')}"
    if not hasattr(evaluator.inputs, "shape"):
        line = f"import jax; inputs = jax.tree.map(lambda x: {code}, inputs)"
    return Change("Scale the inputs, here and in training", line, make)


def _dtypes(inputs: Inputs) -> list[Any]:
    return [leaf.dtype for leaf in jax.tree.leaves(inputs)]


def _lowered(measured: Measured, slope: float, detach: bool) -> Measured:
    evaluator = measured.evaluator
    if detach:
        neurons = find_neurons(evaluator.model)
        check_detachable(neurons)
        with restoring(evaluator.model):
            for neuron in neurons.values():
                set_reset(neuron, True)
            evaluator = _traced_again(evaluator, evaluator.inputs)
    return evaluator.measure(lowered(evaluator, measured.spikes, slope))


def _traced_again(evaluator: Evaluator, inputs: Inputs) -> Evaluator:
    step = trace(evaluator.model, inputs)
    return Evaluator(step, inputs, evaluator.objective, model=evaluator.model)
