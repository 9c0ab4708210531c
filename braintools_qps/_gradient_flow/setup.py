"""What keeps a network from learning whatever its neurons do: inputs, dropout, delays, its size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._causes import limits
from .._models import find_nodes, is_dropout
from ..records import PopulationFlow
from . import remedies
from .evaluate import Evaluator, Measured
from .findings import AGAIN, Change, Finding, named, with_s
from .graph import INPUTS, OUTPUTS
from .passes import program_of
from .step import Population

SMALL, LARGE = 1 / 30, 30.0  # the largest input; outside of these, weights are not made for it
RARE = 0.1  # input signals per step; between two of them, membranes forget
RESOLVED = 1e-8  # variance, relative to the largest, above which outputs vary in a direction
LONGER = (2, 4)  # times as long are the runs in which a delayed signal is looked for


def inputs_say_nothing(measured: Measured) -> Finding | None:
    """Inputs that are all 0, the same for all samples, or next to none in most samples."""
    arrays = [np.asarray(x) for x in measured.evaluator.run.inputs[1:]]
    samples = measured.evaluator.batch or 1
    alike = samples > 1 and all((x == x[:, :1]).all() for x in arrays)
    alone = not _differ_otherwise(measured, samples)
    signals = _signals_per_step(arrays) if samples > 1 else 1.0
    if alone and not any(np.any(x) for x in arrays):
        why = "All inputs are 0."
    elif alone and alike:
        why = f"All {samples} samples are the same."
    elif signals < RARE and all(p.activity.is_silent for p in _fed_by_inputs(measured)):
        most = f"{signals:.2g} input signals per step or fewer" if signals else "no input signal"
        why = f"Half of the samples bring {most}, too few to make a neuron fire."
    else:
        return None
    axes = " Their first axis is time, or with batch_first=True the samples." * (samples > 1)
    advice = f"Look at how the inputs are loaded and encoded.{axes} {AGAIN}"
    reached = frozenset(measured.step.graph.downstream(INPUTS))
    return Finding("inputs", (), why, otherwise=advice, consequences=reached)


def _differ_otherwise(measured: Measured, samples: int) -> bool:
    """Whether samples differ in what their neurons do, as by initial states; not by a dropout."""
    model, counts = measured.evaluator.model, measured.evaluator.counts()
    differ = samples > 1 and any(len(x) == samples and np.any(x != x[:1]) for x in counts)
    is_random = lambda node: "Dropout" in type(node).__name__
    return differ and (model is None or not find_nodes(model, is_random))


def inputs_out_of_range(measured: Measured) -> Finding | None:
    """Very large or small inputs, with a first population that they bring out of its range."""
    leaves = jax.tree.leaves(measured.evaluator.inputs, is_leaf=u.math.is_quantity)
    inputs = [x for x in leaves if not u.math.is_quantity(x)]  # with units, numbers say nothing
    if measured.step.chooses_rows():
        inputs = [x for x in inputs if not jnp.issubdtype(x.dtype, jnp.integer)]
    largest = max(map(_usual_largest, inputs), default=0.0)
    if not 0 < largest < np.inf or SMALL <= largest <= LARGE:
        return None
    is_hit = _starved if largest < SMALL else _flooded
    p = next(filter(is_hit, _fed_by_inputs(measured)), None)
    if p is None:
        return None
    text = (
        f"The inputs go up to {largest:.3g}, which brings {p.name} out of its range: it fires "
        f"{p.activity.firing_rate:.2g} times per step."
    )
    changes = partial(remedies.rescaled_inputs, measured, largest)
    reached = frozenset(measured.step.graph.downstream(INPUTS))
    return Finding("inputs", (p.name,), text, changes, consequences=reached)


def starts_above(measured: Measured) -> Finding | None:
    """Most spikes come in the first steps, also without inputs: membranes begin too high."""
    evaluator, names = measured.evaluator, [p.name for p in measured.populations]
    openings = dict(zip(names, map(_opening, evaluator.run.fired)))
    bursts = [name for name, (_, share) in openings.items() if share > limits.MAJORITY]
    if not bursts:
        return None
    nothing = evaluator.changed(inputs=jax.tree.map(jnp.zeros_like, evaluator.inputs))
    firing = dict(zip(names, (np.mean(x[0]) for x in nothing.run.fired)))
    high = [name for name in bursts if firing[name] > limits.MAJORITY]
    if not high:
        return None
    steps, share = openings[high[0]]
    text = (
        f"{named(high)} {with_s(high, 'begin')} above the threshold: without any input, "
        f"{firing[high[0]]:.0%} of the neurons of {high[0]} fire in the first step, and "
        f"{share:.0%} of all its spikes come in the first {steps} step{'s' * (steps > 1)}."
    )
    advice = (
        "Let membranes begin at rest, as with V_initializer=braintools.init.Constant(V_rest) in "
        f"brainpy.state, and look at the bias. {AGAIN}"
    )
    reached = frozenset({*high, *(n for name in high for n in measured.step.downstream(name))})
    return Finding("start", tuple(high), text, otherwise=advice, consequences=reached)


def _opening(fired: Array) -> tuple[int, float]:
    """How many steps most neurons fire in from the first step on, and their share of all spikes.

    The share is 0 if these are half of the steps or more.
    """
    rates = np.asarray(fired).reshape(len(fired), -1).mean(axis=1)
    steps = int(np.argmin(np.append(rates > limits.MAJORITY, False)))
    share = rates[:steps].sum() / rates.sum() if 0 < 2 * steps < len(rates) else 0.0
    return steps, float(share)


def dropout(measured: Measured) -> Finding | None:
    """A dropout that keeps next to nothing, as where its share was meant as what to drop."""
    model = measured.evaluator.model
    is_low = lambda node: is_dropout(node) and 0 < node.prob <= limits.KEPT
    for name, (node, code) in ({} if model is None else find_nodes(model, is_low)).items():
        code = f"{code}.prob = {1 - node.prob:g}"
        if _changes_program(measured, code):  # else no step calls it
            text = (
                f"{name} is a dropout that keeps {node.prob:.0%} of the signals: in brainstate "
                "`prob` is the share that is kept."
            )
            change = Change("Keep the others", code)
            reached = frozenset(p.name for p in measured.populations)
            return Finding("dropout", (), text, partial(list, (change,)), consequences=reached)
    return None


def _changes_program(measured: Measured, code: str) -> bool:
    step, _ = remedies.traced_after(measured, code)
    return program_of(step) != program_of(measured.step)


def delay(measured: Measured) -> Finding | None:
    """Membranes that most samples move in a longer run, but not within this one."""
    evaluator, steps = measured.evaluator, len(measured.evaluator.run.inputs[0])
    if steps == 1:
        return None  # membranes are seen before each step
    idle = [p for p in measured.populations if p.activity.is_silent or p.activity.says_nothing]
    active = {INPUTS, *measured.step.graph.names} - {p.name for p in idle}
    for p in measured.step.populations:
        fed = measured.step.graph.feeds[p.name] & active - {p.name}
        weights = [measured.step.arrays.states[i] for i in measured.step.input_weights(p)]
        if weights and not any(np.any(w) for w in weights):
            continue  # these hold it still
        share = _moved(evaluator, p).max() if fed else 1.0
        if share <= limits.MAJORITY and (why := _arrives_late(evaluator, p)):
            before = named(sorted(map(str, fed)))
            text = (
                f"{'Hardly a' if share else 'No'} signal reaches {p.name} within these {steps} "
                f"steps, although {before} before it {'is' if len(fed) == 1 else 'are'} active: "
                f"{why}."
            )
            affected = frozenset({p.name, *measured.step.downstream(p.name)})
            advice = f"Show more steps than the delay has. {AGAIN}"
            return Finding("delay", (p.name,), text, otherwise=advice, consequences=affected)
    return None


def too_small(measured: Measured) -> Finding | None:
    """Fewer neurons before the output than classes; without labels, than half of the outputs.

    A population farther from the output may have half as many.
    """
    graph, (least, task) = measured.step.graph, _needed(measured.evaluator)
    ends = [p for p in measured.populations if p.name in graph.feeds[OUTPUTS]]
    for part, limit in [(ends, least), *(([p], least / 2) for p in measured.populations)]:
        names, neurons = tuple(p.name for p in part), sum(p.size for p in part)
        if neurons < limit and not graph.passes_by(set(names)):
            text = (
                f"{named(names)} {'is' if len(names) == 1 else 'are'} too small: "
                f"{neurons} {'neuron' if neurons == 1 else 'neurons'} for {task}."
            )
            advice = f"Give {named(names)} as many neurons as that, or more. {AGAIN}"
            return Finding("too small", names, text, otherwise=advice)
    return None


def outputs_alike(measured: Measured) -> Finding | None:
    """Outputs that vary in fewer directions than half of what the task needs."""
    graph, (least, task) = measured.step.graph, _needed(measured.evaluator)
    ends = [p for p in measured.populations if p.name in graph.feeds[OUTPUTS]]
    enough, evaluator = least / 2, measured.evaluator
    if not 0 < least <= _active(measured, ends) or _directions(evaluator, enough) >= enough:
        return None
    # Not if training can change it, as where all weights of the output begin alike.
    read = [node for node in graph.feeds[OUTPUTS] if isinstance(node, int)]
    directions = _directions(evaluator.changed(evaluator.with_random(read)), enough)
    if directions >= enough:
        return None
    names = tuple(p.name for p in ends)
    ways = "1 direction" if directions == 1 else f"{directions:g} directions"
    why = f"what lies between {named(names)} and the output lets no more through"
    if all(p.activity.says_nothing for p in ends):
        why = f"the spikes of {named(names)} are the same in most samples"
    text = f"The outputs vary in {ways} only, too few for {task}: {why}."
    advice = f"Look there for a mean or a sum over neurons, or weights that are alike. {AGAIN}"
    return Finding("information lost", names, text, otherwise=advice)


def _needed(evaluator: Evaluator) -> tuple[float, str]:
    """How many neurons a task needs, and what for. An output per input feature is no class."""
    labels, batched = evaluator.labels, evaluator.batch is not None
    if labels is not None and not np.issubdtype(labels.dtype, np.floating):
        classes = len(np.unique(labels))
        return classes, f"{classes} classes"
    outputs = evaluator.real_outputs()
    size = int(np.prod(outputs[0].shape[1 + batched :])) if len(outputs) == 1 else 0
    is_classes = labels is None and size < evaluator.features
    return size / 2 if is_classes else 0, f"{size} outputs"


def _directions(evaluator: Evaluator, enough: float) -> float:
    """In how many directions outputs vary over samples and steps; infinity if that is unknown.

    So it is where there are too few samples and steps to show ``enough``.
    """
    outputs = evaluator.real_outputs()
    if evaluator.batch is None or len(outputs) != 1 or outputs[0].shape[1:2] != (evaluator.batch,):
        return np.inf
    rows = outputs[0].reshape(-1, int(np.prod(outputs[0].shape[2:]))).astype(np.float64)
    if len(rows) - 1 < enough:
        return np.inf
    rows = rows - rows.mean(axis=0)
    rows = rows if len(rows) > len(rows.T) else rows.T
    spread = np.linalg.eigvalsh(rows.T @ rows)
    return float((spread > RESOLVED * spread[-1]).sum()) if spread[-1] > 0 else np.inf


def _active(measured: Measured, populations: Sequence[PopulationFlow]) -> int:
    """How many neurons of these populations fire."""
    counts = dict(zip(measured.step.spikes, measured.evaluator.counts()))
    return sum(int(np.any(counts[p.name], axis=0).sum()) for p in populations)


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
        repeat = lambda x, times=times: jnp.concatenate([x] * times)
        moved = _moved(evaluator.changed(inputs=jax.tree.map(repeat, evaluator.inputs)), p)
        first, usual = np.argmax(moved > 0), np.argmax(moved > limits.MAJORITY)
        if moved[usual] > limits.MAJORITY and usual - first < len(evaluator.run.inputs[0]):
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


def _starved(p: PopulationFlow) -> bool:
    return p.activity.is_silent


def _flooded(p: PopulationFlow) -> bool:
    return p.activity.is_saturated or (p.slopes.out_of_reach and not p.activity.is_silent)


def _usual_largest(values: Array) -> float:
    """The largest size of an input, but for one signal in a thousand; 0 without any."""
    sizes = np.abs(np.asarray(values, np.float64))
    signals = sizes[sizes > 0]
    return float(np.quantile(signals, 0.999, method="higher")) if signals.size else 0.0


def _fed_by_inputs(measured: Measured) -> list[PopulationFlow]:
    return [p for p in measured.populations if INPUTS in measured.step.graph.feeds[p.name]]


def _signals_per_step(arrays: list[np.ndarray]) -> float:
    """Inputs other than 0 per step, in the usual sample."""
    counts = [np.count_nonzero(x, axis=(0, *range(2, x.ndim))) for x in arrays]
    return float(np.median(sum(counts)) / len(arrays[0]))
