"""Facts that do not keep a network from learning, in sentences that begin with But."""

from __future__ import annotations

from collections.abc import Iterator

import brainstate
import jax
import numpy as np
from jax import Array

from .._models import find_nodes
from .._wording import listed
from .causes import MAJORITY, keeps, low_dropouts, outputs_alike, said_of_matrices, stopped_matrices
from .evaluate import Measured
from .step import is_real

ROUNDED = 1e-3  # of half precision, in a sum of shares
KEPT = 0.1  # share of the signals; a dropout that keeps less is worth a sentence


def facts(measured: Measured, cause: str = "") -> Iterator[str]:
    """Facts that do not keep a network from learning, without those that the cause says."""
    step = measured.step
    stopped = stopped_matrices(measured) if cause != "no gradient" else ()
    yield from (f"But {text}." for text in said_of_matrices(measured, stopped))
    cut = [p.name for p in measured.populations if not step.graph.reaches_output(p.name)]
    if cut and cause != "disconnected":
        yield f"But the output does not depend on {listed(cut, 3)}."
    yield from (f"But {text}" for text in untrained(measured))
    yield from _unused(measured)
    yield from _kept(measured)
    yield from uniform(measured)
    yield from _shares(measured)
    yield from _mixed(measured)
    if not (cause or measured.trial.moves) and (alike := outputs_alike(measured)):
        yield f"But {alike}."
    low = low_dropouts(measured.evaluator.model, KEPT) if cause != "dropout" else {}
    for name, node in low.items():
        yield f"But {keeps(name, node)}."


def silent_parts(measured: Measured) -> str:
    """A sentence on populations of which most neurons never fire; empty if there are none."""
    quiet = {p.name: p.activity.silent_share for p in measured.populations}
    quiet = {name: share for name, share in quiet.items() if share > MAJORITY}
    if not quiet:
        return ""
    shares = listed(f"{share:.0%}" for share in quiet.values())
    which = "is" if len(quiet) == 1 else "are"
    whose = "its" if len(quiet) == 1 else "their"
    names = listed(quiet, last="and")
    return f"{names} {which} mostly silent ({shares} of {whose} neurons)."


def unmoved(measured: Measured) -> Iterator[str]:
    """A sentence on weights that the trial of a network that learns did not move."""
    step, moved = measured.step, measured.tried.moved if measured.tried else ()
    known = {*moved, *stopped_matrices(measured)}
    matrices = (i for i in step.parameters if step.arrays.states[i].ndim > 1 and i not in known)
    if still := [step.path(i) for i in matrices if step.graph.reaches_output(i)]:
        how = "stays as it is" if len(still) == 1 else "stay as they are"
        yield f"But {listed(still, 3)} {how} in the trial, with a gradient of 0 or next to 0."


def uniform(measured: Measured) -> Iterator[str]:
    """A sentence on weight matrices that make all neurons alike, if that may be why it is slow."""
    step, values = measured.step, measured.step.arrays.states
    is_uniform = lambda w: w.ndim > 1 and min(w.shape) > 1 and np.ptp(w) == 0 and np.any(w)
    alike = [i for i in step.parameters if is_uniform(np.asarray(values[i]))]
    if alike and not measured.trial.learns_soon:
        yield (
            f"But all values of {listed(map(step.path, alike), 3)} are the same, so the neurons "
            "behind them do the same: draw them at random."
        )


def untrained(measured: Measured) -> Iterator[str]:
    """A sentence on weight matrices that an optimizer does not see."""
    step = measured.step
    if step.multiplies() and all(step.arrays.states[i].ndim < 2 for i in step.parameters):
        yield (
            "an optimizer trains no weight matrix, since none is a brainstate.ParamState. Wrap "
            "each: self.w = brainstate.ParamState(w)."
        )
        return
    if positions := sorted({i for fixed in step.graph.fixed.values() for i in fixed}):
        which = "which is" if len(positions) == 1 else "which are"
        yield (
            f"an optimizer does not train {listed(map(step.path, positions), 3)}, {which} no "
            f"brainstate.ParamState. If it should: {step.as_parameter(positions[0])}."
        )


def _unused(measured: Measured) -> Iterator[str]:
    """A sentence on parameters that no step uses; an initial state or the loss may use them."""
    model, used = measured.evaluator.model, {place.path for place in measured.step.places}
    every = brainstate.graph.states(model, brainstate.ParamState)
    if paths := [".".join(map(str, path)) for path in every if path not in used]:
        them = "it" if len(paths) == 1 else "them"
        yield (
            f"But no step uses {listed(paths, 3)}: if nothing else in your loss does, "
            f"brainstate.transform.grad refuses {them}."
        )


def _kept(measured: Measured) -> Iterator[str]:
    """A sentence on states that go on from batch to batch in the user's training."""
    if paths := measured.step.kept:
        are, them = ("it is", "it") if len(paths) == 1 else ("they are", "them")
        yield (
            f"But brainstate.nn.init_all_states leaves {listed(paths, 3)} as {are}: set {them} "
            "anew before each batch, in init_state or by hand."
        )


def _shares(measured: Measured) -> Iterator[str]:
    """A sentence on outputs of a softmax, of which a cross-entropy of logits takes another."""
    if measured.evaluator.objective.function:
        return
    values = np.asarray(next(filter(is_real, measured.evaluator.run.outputs)), np.float64)
    shares = (values >= 0).all() and np.allclose(values.sum(axis=-1), 1, atol=ROUNDED)
    if shares and values.shape[-1] > 1 and not np.isin(values, (0, 1)).all():  # votes are logits
        yield (
            "But its outputs add up to 1, as after a softmax: a cross-entropy of logits applies a "
            "second one."
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
            "But the outputs of a sample depend on the inputs of other samples, as where axes are "
            "mixed up, or by a norm over the batch."
        )


def _with_first_as_last(x: Array) -> np.ndarray:
    changed = np.array(x)
    changed[:, -1] = changed[:, 0]
    return changed
