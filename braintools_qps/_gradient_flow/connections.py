"""Disconnected populations, and parameters or populations that no gradient reaches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..records import UNMOVED
from . import remedies
from .evaluate import Evaluator, Measured
from .findings import AGAIN, Finding, named, population
from .graph import OUTPUTS


def disconnected(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Populations that the output does not depend on, by the graph."""
    graph = evaluator.step.graph
    cut = [p.name for p in measured.populations if OUTPUTS not in graph.downstream(p.name)]
    if cut:
        names = (cut[-1], *cut[:-1])
        others = f", nor on {named(cut[:-1])} before it" if cut[:-1] else ""
        text = f"{cut[-1]} is disconnected: the output does not depend on it{others}."
        advice = f"Let its spikes reach what the model returns. {AGAIN}"
        yield Finding("disconnected", names, text, otherwise=advice,
                      consequences=frozenset(cut))  # fmt: skip


def gradient_stopped(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """Populations and parameters whose derivative is stopped on every way to the output."""
    graph = evaluator.step.graph
    reaching = lambda node: OUTPUTS in graph.downstream(node)
    stopped = lambda node: OUTPUTS not in graph.downstream(node, smooth=True)
    names = [p.name for p in measured.populations if reaching(p.name) and stopped(p.name)]
    if names:
        last = names[-1]
        what = named(graph.blockers(last)) or "code after it"
        others = f", nor {named(names[:-1])} before it" if names[:-1] else ""
        text = (
            f"No gradient reaches {last}{others}: {what} on the way from the output "
            "stops it, although the output does depend on it."
        )
        yield _no_gradient((last, *names[:-1]), text, "Take it away.")
        return
    states = evaluator.step.arrays.states
    matrices = [p.position for p in measured.parameters if states[p.position].ndim > 1]
    for i in filter(lambda i: reaching(i) and stopped(i), matrices):
        what = named(graph.blockers(i)) or "code after it"
        fed = [name for name in graph.names if i in graph.feeds[name]]
        text = (
            f"{evaluator.step.path(i)} gets no gradient, so it is not trained: {what} on the way "
            "from the output stops it."
        )
        advice = (
            "Take it away, or let the gradient pass it: w + jax.lax.stop_gradient(f(w) - w) in "
            "place of f(w)."
        )
        yield _no_gradient(tuple(fed[:1]), text, advice)
        return


def no_parameters(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A model whose weights are no parameters, so that an optimizer does not see them."""
    step = evaluator.step
    if not measured.parameters and not step.idle_parameters and step.multiplies():
        text = (
            "The model has no parameters to train: its weights are no brainstate.ParamState, so "
            "an optimizer does not see them."
        )
        yield _no_gradient((), text, "Wrap each weight: self.w = brainstate.ParamState(w).")


def gradient_zero(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A gradient of exactly 0 in a population."""
    names = [p.name for p in measured.populations if not np.any(p.gradient.second_moments)]
    if names:
        flat = [name for name in names if not _slope_at_end(evaluator, measured, name)]
        why = (
            f"the surrogate gradient of {named(flat)} is 0 at all membrane potentials"
            if flat
            else f"nothing that depends on {'it' if len(names) == 1 else 'them'} counts"
        )
        text = f"No gradient reaches {named(names)}: {_read(evaluator)}, {why}."
        yield _unread(evaluator, measured, names, text)


def parameters_zero(evaluator: Evaluator, measured: Measured) -> Iterator[Finding]:
    """A gradient of exactly 0 in nearly all parameters. More samples would move more of them."""
    share = measured.zero_parameter_share
    if share > UNMOVED and not any(p.activity.is_silent for p in measured.populations):
        text = (
            f"{share:.1%} of the parameters get no gradient: {_read(evaluator)}, no signal "
            "passes them."
        )
        yield _unread(evaluator, measured, [], text)


def _unread(evaluator: Evaluator, measured: Measured, names: list[str], text: str) -> Finding:
    return Finding(
        "no gradient",
        tuple(names),
        text,
        partial(remedies.wider, evaluator, measured, names),
        partial(remedies.more_steps, evaluator, measured),
        frozenset(names),
    )


def _read(evaluator: Evaluator) -> str:
    is_default = evaluator.objective.function is None
    return "in the " + (
        "last step, which the objective reads by default"
        if is_default
        else "steps and outputs that the objective reads"
    )


def _slope_at_end(evaluator: Evaluator, measured: Measured, name: str) -> bool:
    """Whether the surrogate gradient is anywhere above 0 at the last step."""
    return bool(np.any(measured.slopes[population(evaluator, name).call][-1]))


def _no_gradient(names: tuple[str, ...], text: str, advice: str) -> Finding:
    return Finding(
        "no gradient", names, text, otherwise=f"{advice} {AGAIN}",
        consequences=frozenset(names),
    )  # fmt: skip
