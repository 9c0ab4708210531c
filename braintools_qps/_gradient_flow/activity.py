"""Inputs that say nothing, populations that carry nothing, and surrogates that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from .._models import expression, find_nodes, is_dropout
from ..records import CAUSES, CHAOTIC, FAR, KEPT, MOST, UNSTEADY, PopulationFlow
from . import remedies
from .evaluate import Evaluator, Measured
from .findings import AGAIN, Change, Finding, downstream, named, span, with_s
from .graph import INPUTS
from .information import lost_at
from .step import Population

SMALL, LARGE = (
    1 / 30,
    30.0,
)  # the largest input: outside of these, weights are usually not made for it


def inputs_say_nothing(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Inputs that are all 0, the same for all samples, or without a spike in most samples."""
    arrays = [np.asarray(x) for x in evaluator.run.inputs[1:]]
    samples = evaluator.batch or 1
    if not any(np.any(x) for x in arrays):
        why = "All inputs are 0."
    elif samples > 1 and all(np.array_equal(x, np.broadcast_to(x[:, :1], x.shape)) for x in arrays):
        why = f"All {samples} samples are the same."
    elif samples > 1 and (empty := _empty_samples(arrays)) > MOST:
        why = f"{empty:.0%} of the samples have no input spike at all."
    else:
        return
    swapped = " If samples come first, pass jax.numpy.swapaxes(inputs, 0, 1)." * (samples > 1)
    advice = f"Look at how the inputs are loaded and encoded.{swapped} {AGAIN}"
    reached = frozenset(evaluator.step.graph.downstream(INPUTS))
    yield Finding("inputs", (), why, otherwise=lambda: advice, consequences=reached)


def inputs_out_of_range(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Very large or small inputs, with a first population that they bring out of its range."""
    graph = evaluator.step.graph
    largest = max(float(np.abs(np.asarray(x, np.float64)).max()) for x in evaluator.run.inputs[1:])
    fed = [p for p in measured.populations if INPUTS in graph.feeds[p.name]]
    bad = [p for p in fed if _out_of_range(p)]
    if bad and largest and np.isfinite(largest) and not SMALL <= largest <= LARGE:
        p = bad[0]
        text = (
            f"The inputs go up to {largest:.3g}, which brings {p.name} out of its range: it fires "
            f"{p.activity.firing_rate:.2g} times per step."
        )
        changes = partial(remedies.rescaled_inputs, evaluator, measured, largest)
        reached = frozenset(graph.downstream(INPUTS))
        yield Finding("inputs", (p.name,), text, changes, consequences=reached)


def dropout(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A dropout that keeps next to nothing, as where its share was meant as what to drop."""
    if evaluator.model is None:
        return
    nodes = find_nodes(evaluator.model, is_dropout)
    for name, node in nodes.items():
        if 0 < node.prob < KEPT:
            text = (
                f"{name} is a dropout that keeps {node.prob:.0%} of the signals: in brainstate "
                "`prob` is the share that is kept."
            )
            code = f"{expression(evaluator.model, name)}.prob = {1 - node.prob:g}"
            change = Change(
                "Keep the others", code, partial(remedies.kept, evaluator, measured, node)
            )
            reached = frozenset(p.name for p in measured.populations)
            yield Finding("dropout", (), text, partial(list, (change,)), consequences=reached)
            return


def delay(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Membranes that no sample moves within the run, behind inputs or neurons that are active."""
    steps = len(evaluator.run.inputs[0])
    active = {p.name for p in measured.populations if not p.activity.is_silent} | {INPUTS}
    for p in evaluator.step.populations:
        fed = evaluator.step.graph.feeds[p.name] & active - {p.name}
        if fed and _is_still(evaluator, p) and evaluator.step.remembers(p, steps):
            text = (
                f"No signal reaches {p.name} within these {steps} steps, although "
                f"{named(sorted(map(str, fed)))} before it {'is' if len(fed) == 1 else 'are'} "
                "active: a delay is as long as the run."
            )
            changes = partial(remedies.longer, evaluator, measured)
            behind = frozenset({p.name, *downstream(evaluator, p.name)})
            advice = f"Show more steps than the delay has. {AGAIN}"
            yield Finding("delay", (p.name,), text, changes, partial(str, advice), behind)
            return


def silent(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Most samples bring no neuron to fire, and membranes stay far below the threshold.

    Named is the first silent population that starves those which stay far below. A silent one whose
    membranes come near the threshold wakes up in training if it gets a gradient, and one that
    signals pass by, as in a residual network, does no harm unless it is fed by the inputs.
    """
    far = {p.name for p in measured.populations if _stays_silent(p)}
    affected = [
        p
        for p in measured.populations
        if p.activity.is_silent and far & {p.name, *downstream(evaluator, p.name)}
    ]
    graph = evaluator.step.graph
    if graph.passes_by({p.name for p in affected}):
        affected = [p for p in affected if INPUTS in graph.feeds[p.name]]
    if not affected:
        return
    first = affected[0]
    behind = downstream(evaluator, first.name)
    same = [p.name for p in affected[1:]]
    share = f"in {first.activity.empty_share:.0%} of the samples none of its neurons fires"
    if evaluator.batch is None:
        share = "none of its neurons fires"
    if not behind:
        result = ""
    elif all(p.activity.firing_rate == 0 for p in measured.populations if p.name in behind):
        result = f", so {named(behind)} behind it never {with_s(behind, 'fire')} at all"
    else:
        result = f", so hardly a spike reaches {named(behind)}"
    text = f"{first.name} is silent: {share}{result}."
    changes = partial(remedies.for_rate, evaluator, measured, first.name)
    reasons = partial(remedies.why_no_rate, evaluator, first.name)
    yield Finding(
        "silent", (first.name, *same), text, changes, reasons, frozenset({first.name, *behind})
    )


def saturated(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Most neurons fire at almost every step: spikes say nothing about the input."""
    affected = [p for p in measured.populations if p.activity.is_saturated]
    if not affected:
        return
    first = affected[0]
    behind = downstream(evaluator, first.name)
    result = f", so its spikes tell {named(behind)} little about the input" if behind else ""
    text = (
        f"{first.name} is saturated: {first.activity.saturated_share:.0%} of its neurons fire at "
        f"almost every step{result}."
    )
    changes = partial(remedies.for_rate, evaluator, measured, first.name)
    reasons = partial(remedies.why_no_rate, evaluator, first.name)
    names = tuple(p.name for p in affected)
    yield Finding("saturated", names, text, changes, reasons, frozenset({first.name, *behind}))


def negative_derivative(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A surrogate gradient below 0: there, a weight that should grow shrinks."""
    found = _with_cause(measured, "negative derivative")
    if found:
        names = [p.name for p in found]
        text = (
            f"The surrogate gradient of {named(names)} is negative at membrane potentials that "
            f"occur: down to {span([p.slopes.lowest for p in found], '.0%')} of its peak. There "
            "the gradient points the wrong way."
        )
        changes = partial(remedies.other_surrogate, evaluator, measured, names)
        advice = f"Correct the sign of its derivative: check_surrogate shows where. {AGAIN}"
        yield Finding("negative derivative", tuple(names), text, changes, lambda: advice)


def out_of_reach(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """It fires, but most membranes lie where the surrogate is flat, and the mean slope is low."""
    found = [p for p in _with_cause(measured, "out of reach") if not p.activity.is_silent]
    if found:
        names = [p.name for p in found]
        text = (
            f"The surrogate is too narrow for {named(names)}: "
            f"{span([p.slopes.flat_share for p in found], '.0%')} of the membrane potentials are "
            "out of reach, where the surrogate gradient is below 1% of its peak."
        )
        changes = partial(remedies.wider, evaluator, measured, names)
        yield Finding("out of reach", tuple(names), text, changes)


def too_high(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """High slopes with which the gradient grows out of proportion on its way back in time."""
    found = [p for p in _with_cause(measured, "too high") if _is_chaotic(p)]
    if found:
        p = max(found, key=lambda p: p.gradient.end_to_end)
        text = (
            f"The surrogate is too high in {named([p.name for p in found])}: with a mean slope of "
            f"{span([p.slopes.per_scale for p in found])} the gradient of {p.name} is "
            f"{p.gradient.end_to_end:.1g} times as large at the first step as at the last."
        )
        changes = partial(remedies.lower, evaluator, measured)
        yield Finding("too high", tuple(p.name for p in found), text, changes)


def information_lost(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """From some population on that fires, spike counts tell no more of the labels than chance."""
    known, each = evaluator.information, evaluator.told
    first = None if known is None else lost_at(known, each)
    if known is None or first is None or measured.populations[first].activity.is_silent:
        return
    names = tuple(p.name for p in measured.populations[first:])
    before = f"{measured.populations[first - 1].name} tells {each[first - 1]:.0%}, "
    text = (
        f"The information is lost at {names[0]}: its spike counts tell {each[first]:.0%} of the "
        f"labels. Chance is {known.chance:.0%}, {before if first else ''}the inputs tell "
        f"{known.inputs:.0%}."
    )
    advice = f"In a deep stack, prepare(model, inputs) gives weights that pass spikes on. {AGAIN}"
    yield Finding("information lost", names, text, otherwise=lambda: advice)


def _stays_silent(p: PopulationFlow) -> bool:
    """Whether training will hardly wake it up: it is far below the threshold, or not trained."""
    activity = p.activity
    return activity.is_far_below or (activity.is_silent and not np.any(p.gradient.second_moments))


def _is_still(evaluator: Evaluator, p: Population) -> bool:
    """Whether its membranes are the same for all samples at all steps, or never move at all."""
    membranes = np.asarray(evaluator.run.states[p.membrane])
    first = membranes[:, :1] if evaluator.batch and membranes.ndim > 2 else membranes[:1]
    return evaluator.batch != 1 and bool(np.all(membranes == first))


def _is_chaotic(p: PopulationFlow) -> bool:
    gradient = p.gradient
    unsteady = gradient.consistency < UNSTEADY
    return gradient.end_to_end > CHAOTIC or (gradient.end_to_end > FAR and unsteady)


def _with_cause(measured: Measured, cause: str) -> list[PopulationFlow]:
    return [p for p in measured.populations if CAUSES[cause].applies(p)]


def _out_of_range(p: PopulationFlow) -> bool:
    return p.activity.is_silent or p.activity.is_saturated or p.slopes.out_of_reach


def _empty_samples(arrays: list[np.ndarray]) -> float:
    """The share of samples without an input spike, where the inputs are spikes; else 0."""
    if not all(np.isin(x, (0, 1)).all() for x in arrays):
        return 0.0
    empty = [~np.any(x, axis=(0, *range(2, x.ndim))) for x in arrays]
    return float(np.mean(np.all(empty, axis=0)))
