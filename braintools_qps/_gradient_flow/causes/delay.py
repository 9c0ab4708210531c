"""Signals that are delayed so long that they reach a population only after the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np

from ..._models import find_nodes
from ..changes import Change, other_inputs
from ..evaluate import Evaluator, Measured
from ..graph import INPUTS
from ..passes import Forward
from ..step import Population
from .cause import Cause, Finding, be, named, says_nothing

LONGER = (2, 4)  # factors on the number of steps


def _find(measured: Measured) -> Finding | None:
    evaluator, steps = measured.evaluator, len(measured.evaluator.run.inputs[0])
    if steps == 1:
        return None  # membranes are seen before each step
    idle = {p.name for p in measured.populations if says_nothing(p)}
    moved = lambda run, p: _moved(run, p, axis=0 if evaluator.batch in (None, 1) else 1)
    for p in measured.step.populations:
        fed = sorted(measured.step.graph.senders(p.name) - idle)
        if not fed or moved(evaluator.run, p):
            continue
        if moved(evaluator.over(_longer(evaluator)), p):
            are = (
                "the inputs before it are"
                if fed == [INPUTS]
                else f"{named(fed)} before it {be(fed)}"
            )
            text = f"No signal reaches {p.name} within these {steps} steps, although {are} active."
            return Finding((p.name,), text, "Show more steps than the delay has.", exact=True)
    return None


def _longer(evaluator: Evaluator) -> Any:
    """The inputs, repeated until the longest delay of a `brainstate.nn.Delay` is over."""
    delays = find_nodes(evaluator.model, lambda node: isinstance(node, brainstate.nn.Delay))
    longest = max((int(node.max_length or 0) for node in delays.values()), default=0)
    times = max(*LONGER, 2 + longest // len(evaluator.run.inputs[0]))
    return jax.tree.map(lambda x: jnp.concatenate([x] * times), evaluator.inputs)


def _moved(run: Forward, p: Population, axis: int) -> bool:
    """Whether the membranes differ between samples; for a single sample, between time steps.

    This looks at the states before each step, and at the arguments of the spike function within it.
    """
    parts = map(np.asarray, (run.states[p.membrane], run.arguments[p.call]))
    return any(np.ptp(membranes, axis=axis).any() for membranes in parts)


def _more_steps(measured: Measured) -> Iterator[Change]:
    for times in LONGER:
        yield other_inputs(measured, f"jax.numpy.concatenate([{{x}}] * {times}, axis={{time}})")


DELAY = Cause(
    "delay",
    "no signal reaches a population within the run, but one does in a longer run",
    "a run that is longer than the delay",
    _find,
    (_more_steps,),
)
