"""Membranes that most samples move in a longer run, but not within this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

import brainstate
import jax
import jax.numpy as jnp
import numpy as np

from ..._models import find_nodes
from ..changes import Change, ChangeInputs
from ..evaluate import Evaluator, Measured
from ..graph import INPUTS
from ..step import Population
from .cause import MAJORITY, Cause, Finding, named, says_nothing

LONGER = (2, 4)  # times as long are the runs in which a delayed signal is looked for


@final
class Delay(Cause):
    name = "delay"
    rule = "no signal reaches a population within the run, but one does in a longer run"
    helps = "a run that is longer than the delay"

    def find(self, measured: Measured) -> Finding | None:
        evaluator, steps = measured.evaluator, len(measured.evaluator.run.inputs[0])
        if steps == 1:
            return None  # membranes are seen before each step
        idle = {p.name for p in measured.populations if says_nothing(p)}
        active = {INPUTS, *measured.step.graph.names} - idle
        for p in measured.step.populations:
            fed = measured.step.graph.feeds[p.name] & active - {p.name}
            weights = [measured.step.arrays.states[i] for i in measured.step.input_weights(p)]
            if weights and not any(np.any(w) for w in weights):
                continue  # these hold it still
            share = _moved(evaluator, p).max() if fed else 1.0
            if share <= MAJORITY and (why := _arrives_late(evaluator, p)):
                before = named(sorted(map(str, fed)))
                text = (
                    f"{'Hardly a' if share else 'No'} signal reaches {p.name} within these {steps} "
                    f"steps, although {before} before it {'is' if len(fed) == 1 else 'are'} "
                    f"active: {why}."
                )
                advice = "Show more steps than the delay has."
                return Finding((p.name,), text, advice, exact=not share)
        return None

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        for times in LONGER:
            yield ChangeInputs(
                _repeated(times),
                f"jax.numpy.concatenate([{{x}}] * {times}, axis={{time}})",
                is_tree=not hasattr(measured.evaluator.inputs, "shape"),
            )


def _repeated(times: int) -> Callable[[Any], Any]:
    return lambda x: jnp.concatenate([x] * times)


def _arrives_late(evaluator: Evaluator, p: Population) -> str | None:
    """Which delay is longer than the run, or what a longer run shows of one."""
    steps = len(evaluator.run.inputs[0])
    is_delay = lambda node: isinstance(node, brainstate.nn.Delay) and (node.max_length or 0) > steps
    delays = {} if evaluator.model is None else find_nodes(evaluator.model, is_delay)
    if delays:
        name, (node, _) = next(iter(delays.items()))
        return f"{name} holds signals back for up to {node.max_length - 1} steps"
    if first := _later(evaluator, p):
        return f"because of a delay the first arrives at step {first} of a longer run"
    return None


def _later(evaluator: Evaluator, p: Population) -> int | None:
    """The step at which most samples begin to move its membranes, in longer runs.

    With a delay they begin within one run's length of each other; rare spikes come at any time.
    """
    for times in LONGER:
        longer = jax.tree.map(_repeated(times), evaluator.inputs)
        moved = _moved(evaluator.changed(inputs=longer), p)
        first, usual = np.argmax(moved > 0), np.argmax(moved > MAJORITY)
        if moved[usual] > MAJORITY and usual - first < len(evaluator.run.inputs[0]):
            return int(usual)
    return None


def _moved(evaluator: Evaluator, p: Population) -> np.ndarray:
    """The share of samples that move its membranes at each step; for one sample, in time.

    The states are those before each step; the spike function sees the membranes within it.
    """
    parts = map(np.asarray, (evaluator.run.states[p.membrane], evaluator.run.arguments[p.call]))
    moved = []
    for membranes in parts:
        several = evaluator.batch not in (None, 1) and membranes.shape[1:2] == (evaluator.batch,)
        usual = np.median(membranes, axis=1, keepdims=True) if several else membranes[:1]
        samples = len(membranes[0]) if several else 1
        moved.append((membranes != usual).reshape(len(membranes), samples, -1).any(axis=2))
    return np.logical_or(*moved).mean(axis=1)
