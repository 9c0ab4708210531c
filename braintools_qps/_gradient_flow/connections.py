"""Disconnected populations, and parameters or populations that no gradient reaches."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._causes import limits
from .._wording import listed
from . import remedies
from .evaluate import Measured, ParameterGradient
from .findings import AGAIN, Finding, named
from .graph import INPUTS, OUTPUTS


def disconnected(measured: Measured) -> Finding | None:
    """Populations that the output does not depend on, by the graph."""
    graph = measured.step.graph
    cut = [p.name for p in measured.populations if OUTPUTS not in graph.downstream(p.name)]
    if not cut:
        return None
    names = (cut[-1], *cut[:-1])
    others = f", nor on {named(cut[:-1])} before it" if cut[:-1] else ""
    text = f"{cut[-1]} is disconnected: the output does not depend on it{others}."
    advice = f"Let its spikes reach what the model returns. {AGAIN}"
    return Finding("disconnected", names, text, otherwise=advice, consequences=frozenset(cut))


def gradient_stopped(measured: Measured) -> Finding | None:
    """Populations and parameters whose derivative is stopped on every way to the output."""
    graph = measured.step.graph
    reaching = lambda node: OUTPUTS in graph.downstream(node)
    stopped = lambda node: OUTPUTS not in graph.downstream(node, smooth=True)
    names = [p.name for p in measured.populations if reaching(p.name) and stopped(p.name)]
    if names:
        last = names[-1]
        what = listed(graph.blockers(last) or ["code after it"])
        others = f", nor {named(names[:-1])} before it" if names[:-1] else ""
        text = (
            f"No gradient reaches {last}{others}: {what} on the way from the output "
            "stops it, although the output does depend on it."
        )
        return _no_gradient((last, *names[:-1]), text, "Take it away.")
    states = measured.step.arrays.states
    matrices = [p.position for p in measured.parameters if states[p.position].ndim > 1]
    i = next((i for i in matrices if reaching(i) and stopped(i)), None)
    if i is None:
        return None
    what = listed(graph.blockers(i) or ["code after it"])
    fed = [name for name in graph.names if i in graph.feeds[name]]
    text = (
        f"{measured.step.path(i)} gets no gradient, so it is not trained: {what} on the way from "
        "the output stops it."
    )
    advice = (
        "Take it away, or let the gradient pass it: w + jax.lax.stop_gradient(f(w) - w) in place "
        "of f(w)."
    )
    return _no_gradient(tuple(fed[:1]), text, advice)


def no_parameters(measured: Measured) -> Finding | None:
    """A model whose weights are no parameters, so that an optimizer does not see them."""
    step = measured.step
    if measured.parameters or step.idle_parameters or not step.multiplies():
        return None
    text = (
        "The model has no parameters to train: its weights are no brainstate.ParamState, so an "
        "optimizer does not see them."
    )
    return _no_gradient((), text, "Wrap each weight: self.w = brainstate.ParamState(w).")


def gradient_zero(measured: Measured) -> Finding | None:
    """A gradient of exactly 0 in a population, and in the weights that feed it.

    In the last step, membranes count only before a reset that the same step computes.
    """
    moved = {p.position for p in measured.parameters if p.zeros < p.size}
    names = [
        p.name
        for p, traced in zip(measured.populations, measured.step.populations)
        if not np.any(p.gradient.second_moments)
        and not moved.intersection(measured.step.input_weights(traced))
    ]
    if not names:
        return None
    flat = [name for name in names if measured.is_flat_at_end(name)]
    why = (
        f"the surrogate gradient of {named(flat)} is 0 at all membrane potentials"
        if flat
        else f"nothing that depends on {'it' if len(names) == 1 else 'them'} counts"
    )
    return _unread(measured, names, f"No gradient reaches {named(names)}: in the {{}}, {why}.")


def parameters_zero(measured: Measured) -> Finding | None:
    """A gradient of exactly 0 in nearly all parameters, which more samples would not move."""
    share = measured.zero_parameter_share
    if not share > limits.UNMOVED or measured.step.chooses_rows():
        return None
    size = sum(p.size for p in measured.parameters)
    waiting = sum(p.zeros for p in measured.parameters if _waits_for_inputs(measured, p))
    if not share - waiting / size > limits.UNMOVED:
        return None
    if any(p.activity.is_silent for p in measured.populations):
        return None
    text = f"{share:.1%} of the parameters get no gradient: in the {{}}, no signal passes them."
    return _unread(measured, [], text)


def _waits_for_inputs(measured: Measured, parameter: ParameterGradient) -> bool:
    """Whether inputs feed its population, some of which are 0 in all samples and steps."""
    step, inputs = measured.step, measured.evaluator.run.inputs[1:]
    batched = 1 + (measured.evaluator.batch is not None)
    is_blank = any(np.any(~np.any(x, axis=tuple(range(min(batched, x.ndim))))) for x in inputs)
    return is_blank and any(
        INPUTS in step.graph.feeds[p.name] and parameter.position in step.input_weights(p)
        for p in step.populations
    )


def _unread(measured: Measured, names: list[str], text: str) -> Finding:
    """A finding whose text says which steps the objective reads."""
    is_default = measured.evaluator.objective.function is None
    default = "last step, which the objective reads by default"
    read = default if is_default else "steps and outputs that the objective reads"
    return Finding(
        "no gradient",
        tuple(names),
        text.format(read),
        partial(remedies.wider, measured, names),
        partial(remedies.more_steps, measured),
        frozenset(names),
    )


def _no_gradient(names: tuple[str, ...], text: str, advice: str) -> Finding:
    advice = f"{advice} {AGAIN}"
    return Finding("no gradient", names, text, otherwise=advice, consequences=frozenset(names))
