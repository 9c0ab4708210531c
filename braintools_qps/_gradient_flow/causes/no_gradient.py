"""Populations and weights without a gradient: it cannot reach them, or it is 0 in the trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from ..._wording import listed
from ..changes import Change, other_surrogates
from ..evaluate import Measured
from ..graph import INPUTS
from ..step import is_real
from .cause import Cause, Finding, named

LOOK = (
    "Look between them and the output for a stop_gradient, round, sign, comparison or integer. To "
    "let the gradient pass f(w), write w + jax.lax.stop_gradient(f(w) - w)."
)


@final
class GradientStopped(Cause):
    name = "no gradient"
    rule = "no gradient reaches a population or its weights, or the output does not depend on it"
    helps = (
        "connect it with the output, and remove what stops the gradient: a `stop_gradient`, "
        "`round`, `sign` or comparison"
    )

    def find(self, measured: Measured) -> Finding | None:
        places = (_no_parameters, _disconnected, _stopped_populations, _stopped_weights)
        found = [finding for place in places if (finding := place(measured))]
        return next((f for f in found if f.exact), found[0] if found else None)


def stopped_matrices(measured: Measured) -> list[int]:
    """Weight matrices that the output depends on, but whose derivative is blocked."""
    step = measured.step
    matrices = [i for i in step.parameters if step.arrays.states[i].ndim > 1]
    return [i for i in matrices if step.graph.is_stopped(i)]


def said_of_stopped(paths: list[str]) -> str:
    """A clause on weight matrices without a gradient."""
    one = len(paths) == 1
    return (
        f"no gradient reaches {listed(paths, 3)}, although the output depends on "
        f"{'it' if one else 'them'}"
    )


def disconnected(measured: Measured) -> list[str]:
    """The populations that the output does not depend on."""
    return [p.name for p in measured.populations if not measured.step.graph.reaches_output(p.name)]


def _no_parameters(measured: Measured) -> Finding | None:
    """A model without a ParamState, so that an optimizer has nothing to train."""
    step = measured.step
    if step.parameters or not step.multiplies():
        return None
    text = (
        "The model has no parameters to train: its weights are no brainstate.ParamState, so an "
        "optimizer does not see them."
    )
    return Finding((), text, "Wrap each weight: self.w = brainstate.ParamState(w).", exact=True)


def _disconnected(measured: Measured) -> Finding | None:
    """Populations whose spikes never reach the output."""
    graph, cut = measured.step.graph, disconnected(measured)
    if not cut:
        return None
    text = f"The output does not depend on {named(cut)}."
    exact = not (graph.passes_by(set(cut)) and graph.reaches_output(INPUTS))
    advice = "Let its spikes reach what the model returns."
    return Finding((cut[-1], *cut[:-1]), text, advice, exact)


def _stopped_populations(measured: Measured) -> Finding | None:
    names = [p.name for p in measured.populations if measured.step.graph.is_stopped(p.name)]
    if not names:
        return None
    text = f"N{said_of_stopped([names[-1]])[1:]}."
    if names[:-1]:
        text += f" Nor does one reach {named(names[:-1])} before it."
    return Finding((names[-1], *names[:-1]), text, LOOK, exact=True)


def _stopped_weights(measured: Measured) -> Finding | None:
    matrices, step = stopped_matrices(measured), measured.step
    if not matrices:
        return None
    fed = step.graph.fed_by(matrices[0])
    text = f"N{said_of_stopped(list(map(step.path, matrices)))[1:]}."
    return Finding(tuple(fed[:1]), text, LOOK, exact=True)


@final
class GradientZero(Cause):
    name = "no gradient"
    rule = "Adam moves no weight of a population in the trial: its gradient is 0 or next to 0"
    helps = "another surrogate"

    def find(self, measured: Measured) -> Finding | None:
        if measured.tried is None:
            return None
        moved, step = set(measured.tried.moved), measured.step
        reaching = [p.name for p in step.populations if step.graph.reaches_output(p.name)]
        weights = {name: step.graph.input_weights(name) for name in reaching}
        names = tuple(n for n, known in weights.items() if known and not moved & set(known))
        if not names:
            return None
        flat = [name for name in names if measured.is_flat(name)]
        text, why = f"The gradient of {named(names)} is 0 or next to 0", _outputs_alike(measured)
        if flat:
            text = f"No gradient reaches {named(names)}"
            why = f"the surrogate gradient of {named(flat)} is 0 at all membrane potentials"
        return Finding(names, f"{text}{': ' * bool(why)}{why}.", exact=True)

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        yield from other_surrogates(measured)


def _outputs_alike(measured: Measured) -> str:
    """A clause on why the gradient is 0, if the output is the same for all samples."""
    if measured.evaluator.objective.function:
        return ""
    values = np.asarray(next(filter(is_real, measured.evaluator.run.outputs)))
    return "" if np.ptp(values, axis=1).any() else "the output is the same for all samples"
