"""Facts that do not keep a network from learning, in sentences that begin with But."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
from jax import Array

from .._models import find_nodes
from .._wording import listed
from .causes import MAJORITY, disconnected, said_of_stopped, stopped_matrices
from .evaluate import Measured

ROUNDED = 1e-3  # of half precision, in a sum


def facts(measured: Measured, cause: str = "") -> Iterator[str]:
    """Facts that do not keep a network from learning, without those that the cause says."""
    step = measured.step
    stopped = list(map(step.path, stopped_matrices(measured)))
    if stopped and cause != "no gradient":
        yield f"But {said_of_stopped(stopped)}."
    cut = disconnected(measured)
    if cut and cause != "no gradient":
        yield f"But the output does not depend on {listed(cut, 3)}."
    yield from (f"But {text}" for text in untrained(measured))
    if paths := step.kept:
        them = "it" if len(paths) == 1 else "them"
        yield (
            f"But brainstate.nn.init_all_states does not reset {listed(paths, 3)}: set {them} "
            "before each batch, in init_state or by hand."
        )
    yield from _mixed(measured)


def silent_parts(measured: Measured) -> str:
    """A sentence on populations of which most neurons never fire; empty if there are none."""
    shares = {p.name: p.activity.silent_share for p in measured.populations}
    shares = {name: share for name, share in shares.items() if share > MAJORITY}
    if not shares:
        return ""
    are, their = ("is", "its") if len(shares) == 1 else ("are", "their")
    percent = listed(f"{share:.0%}" for share in shares.values())
    return f"{listed(shares, last='and')} {are} mostly silent ({percent} of {their} neurons)."


def untrained(measured: Measured) -> Iterator[str]:
    """A sentence on weight matrices that an optimizer does not see."""
    step = measured.step
    if step.multiplies() and all(step.arrays.states[i].ndim < 2 for i in step.parameters):
        yield (
            "an optimizer trains no weight matrix, since none is a brainstate.ParamState. Wrap "
            "each: self.w = brainstate.ParamState(w)."
        )
    elif positions := sorted({i for name in step.graph.feeds for i in step.graph.fixed(name)}):
        which = "which is" if len(positions) == 1 else "which are"
        yield (
            f"an optimizer does not train {listed(map(step.path, positions), 3)}, {which} no "
            f"brainstate.ParamState. If it should: {step.as_parameter(positions[0])}."
        )


def _mixed(measured: Measured) -> Iterator[str]:
    """A sentence on samples whose outputs depend on the inputs of others: tried with another last.

    A batch norm does that by design.
    """
    evaluator = measured.evaluator
    batch, outputs = evaluator.batch or 1, evaluator.run.outputs
    is_norm = lambda node: "BatchNorm" in type(node).__name__
    if batch == 1 or find_nodes(evaluator.model, is_norm):
        return
    other = jax.tree.map(_with_first_as_last, evaluator.inputs)
    pairs = (map(np.asarray, pair) for pair in zip(outputs, evaluator.over(other).outputs))
    apart = [(x[:, :-1], y[:, :-1]) for x, y in pairs if x.shape[1:2] == (batch,)]
    if not all(np.allclose(x, y, rtol=ROUNDED, equal_nan=True) for x, y in apart):
        yield (
            "But the outputs of a sample depend on the inputs of other samples: its axes are mixed "
            "up, or a norm runs over the batch."
        )


def _with_first_as_last(x: Array) -> np.ndarray:
    changed = np.array(x)
    changed[:, -1] = changed[:, 0]
    return changed
