"""Derivatives that are stopped on every way to the output, or nothing to train."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import final

from ..._jaxpr import STOPPING
from ..._wording import listed
from ..changes import Change, WhatIf
from ..evaluate import Measured
from ..graph import Vertex
from .cause import Cause, Finding, named


@final
class GradientStopped(Cause):
    name = "no gradient"
    rule = "no gradient reaches a population or its weights"
    helps = "take away what stops it: a `stop_gradient`, `round`, `sign` or comparison"

    def find(self, measured: Measured) -> Finding | None:
        return _no_parameters(measured) or _stopped_populations(measured) or _stopped(measured)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        blocked: list[Vertex] = [*finding.populations, *stopped_matrices(measured)]
        stops = {stop for vertex in blocked for stop in measured.step.graph.blockers(vertex)}
        if stops := stops & STOPPING:  # a trial lets gradients pass these alone
            clause = f"If the gradient passes {listed(sorted(stops))},"
            yield WhatIf(clause, "a gradient that passes", through_stops=True)


def stopped_matrices(measured: Measured) -> list[int]:
    """Weight matrices on which the output depends, and which no derivative reaches."""
    step = measured.step
    matrices = [i for i in step.parameters if step.arrays.states[i].ndim > 1]
    return [i for i in matrices if step.graph.is_stopped(i)]


def said_of_matrices(measured: Measured, positions: Iterable[int]) -> list[str]:
    """What stops the gradient of weight matrices; one clause for those of the same reason."""
    step, alike = measured.step, defaultdict[str, list[str]](list)
    for i in positions:
        alike[listed(step.graph.blockers(i) or ["code after it"])].append(step.path(i))
    return [
        f"{listed(paths, 3)} {'gets' if len(paths) == 1 else 'get'} no gradient: {what} on the way "
        "from the output stops it"
        for what, paths in alike.items()
    ]


def _no_parameters(measured: Measured) -> Finding | None:
    """A model whose weights are no parameters, so that an optimizer does not see them."""
    step = measured.step
    if step.parameters or not step.multiplies():
        return None
    text = (
        "The model has no parameters to train: its weights are no brainstate.ParamState, so an "
        "optimizer does not see them."
    )
    return Finding((), text, "Wrap each weight: self.w = brainstate.ParamState(w).", exact=True)


def _stopped_populations(measured: Measured) -> Finding | None:
    graph = measured.step.graph
    names = [p.name for p in measured.populations if graph.is_stopped(p.name)]
    if not names:
        return None
    last, what = names[-1], listed(graph.blockers(names[-1]) or ["code after it"])
    others = f", nor {named(names[:-1])} before it" if names[:-1] else ""
    text = (
        f"No gradient reaches {last}{others}: {what} on the way from the output stops it, although "
        "the output does depend on it."
    )
    return Finding((last, *names[:-1]), text, "Take it away.", exact=True)


def _stopped(measured: Measured) -> Finding | None:
    matrices = stopped_matrices(measured)
    if not matrices:
        return None
    graph, (text, *_) = measured.step.graph, said_of_matrices(measured, matrices)
    fed = [name for name in graph.names if matrices[0] in graph.feeds[name]]
    advice = (
        "Take it away, or let the gradient pass it: w + jax.lax.stop_gradient(f(w) - w) in place "
        "of f(w)."
    )
    return Finding(tuple(fed[:1]), f"{text}.", advice, exact=True)
