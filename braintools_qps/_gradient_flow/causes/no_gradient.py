"""Populations and weights without a gradient: it cannot reach them, or it is 0 in the trial."""

from __future__ import annotations

import numpy as np

from ..._wording import listed
from ..changes import other_surrogates
from ..evaluate import Measured
from ..graph import INPUTS
from ..step import is_real
from .cause import Cause, Finding, be, named

LOOK = (
    "Look between them and the output for a stop_gradient, round, sign, comparison or integer. To "
    "let the gradient pass f(w), write w + jax.lax.stop_gradient(f(w) - w)."
)


def untrained(measured: Measured) -> str:
    """A sentence on weight matrices that an optimizer does not see; empty if it sees all."""
    step = measured.step
    if step.multiplies() and all(step.arrays.states[i].ndim < 2 for i in step.parameters):
        return (
            "An optimizer trains no weight matrix, since none is a brainstate.ParamState. Wrap "
            "each: self.w = brainstate.ParamState(w)."
        )
    positions = sorted({i for name in step.graph.feeds for i in step.graph.fixed(name)})
    if not positions:
        return ""
    paths = list(map(step.path, positions))
    return (
        f"An optimizer does not train {listed(paths, 3)}, which {be(paths)} no "
        f"brainstate.ParamState. If it should: {step.as_parameter(positions[0])}."
    )


def _no_parameters(measured: Measured) -> Finding | None:
    """A model without a ParamState, so that an optimizer has nothing to train."""
    if measured.step.parameters or not (lacking := untrained(measured)):
        return None
    return Finding((), lacking, exact=True)


def disconnected(measured: Measured) -> Finding | None:
    """Populations whose spikes never reach the output."""
    graph = measured.step.graph
    if not (cut := [p.name for p in measured.populations if not graph.reaches_output(p.name)]):
        return None
    text = f"The output does not depend on {named(cut)}."
    advice = "Let its spikes reach what the model returns."
    return Finding((cut[-1], *cut[:-1]), text, advice, exact=not graph.reaches_output(INPUTS))


def _stopped_populations(measured: Measured) -> Finding | None:
    names = [p.name for p in measured.populations if measured.step.graph.is_stopped(p.name)]
    if not names:
        return None
    text = _said_of_stopped([names[-1]])
    if names[:-1]:
        text += f" Nor does one reach {named(names[:-1])} before it."
    return Finding((names[-1], *names[:-1]), text, LOOK, exact=True)


def stopped_weights(measured: Measured) -> Finding | None:
    """Weight matrices that the output depends on, but whose derivative is blocked."""
    step, states = measured.step, measured.step.arrays.states
    matrices = [i for i in step.parameters if states[i].ndim > 1 and step.graph.is_stopped(i)]
    if not matrices:
        return None
    text = _said_of_stopped(list(map(step.path, matrices)))
    return Finding(tuple(step.graph.fed_by(matrices[0])[:1]), text, LOOK, exact=True)


def _said_of_stopped(paths: list[str]) -> str:
    them = "it" if len(paths) == 1 else "them"
    return f"No gradient reaches {listed(paths, 3)}, although the output depends on {them}."


def _stopped(measured: Measured) -> Finding | None:
    places = (_no_parameters, disconnected, _stopped_populations, stopped_weights)
    found = [finding for place in places if (finding := place(measured))]
    return min(found, key=lambda finding: not finding.exact, default=None)


GRADIENT_STOPPED = Cause(
    "no gradient",
    "no gradient reaches a population or its weights, or the output does not depend on it",
    "connect it with the output, and remove what stops the gradient: a `stop_gradient`, `round`, "
    "`sign` or comparison",
    _stopped,
)


def _zero(measured: Measured) -> Finding | None:
    if measured.tried is None:
        return None
    moved, step = set(measured.tried.moved), measured.step
    reaching = [p.name for p in step.populations if step.graph.reaches_output(p.name)]
    weights = {name: step.graph.input_weights(name) for name in reaching}
    names = tuple(n for n, known in weights.items() if known and not moved & set(known))
    if not names:
        return None
    is_flat = lambda name: not np.asarray(measured.slopes[step.population(name).call]).any()
    flat = list(filter(is_flat, names))
    text, why = f"The gradient of {named(names)} is 0 or next to 0", _outputs_alike(measured)
    if flat:
        text = f"No gradient reaches {named(names)}"
        why = f"the surrogate gradient of {named(flat)} is 0 at all membrane potentials"
    return Finding(names, f"{text}{': ' * bool(why)}{why}.", exact=True)


def _outputs_alike(measured: Measured) -> str:
    """A clause on why the gradient is 0, if the output is the same for all samples."""
    if measured.evaluator.objective.function:
        return ""
    values = np.asarray(next(filter(is_real, measured.evaluator.run.outputs)))
    return "" if np.ptp(values, axis=1).any() else "the output is the same for all samples"


GRADIENT_ZERO = Cause(
    "no gradient",
    "Adam moves no weight of a population in the trial: its gradient is 0 or next to 0",
    "another surrogate",
    _zero,
    (other_surrogates,),
)
