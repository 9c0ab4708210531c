"""What gradient_flow says is true: one table of networks whose fault is known by construction."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import LeakyRelu
from faulty_layers import (
    Aside,
    Chosen,
    Delayed,
    Distant,
    Filtered,
    Gated,
    Line,
    NaN,
    Opposed,
    Plain,
    Positive,
    Queued,
    Readout,
    Recurrent,
    Remembering,
    ResetAtOnce,
    Started,
    TwoOutputs,
    averaged,
    cast,
    deaf,
    fading,
    mixed,
    narrowed,
    reading,
    runaway,
    stop,
    with_idle,
)
from flow_networks import only
from small_stacks import BATCH, STEPS, Branches, Changed, Layer, N, Stack, Triangle, inputs

from braintools_qps import QPseudoSpike, get_surrogate, gradient_flow
from braintools_qps.records import CAUSES

leaky = lambda V, current: 0.9 * V + current
DATA = Path(__file__).parents[2] / "data"
SENTENCES = json.loads((DATA / "sentences.json").read_text())  # written by make_sentences.py


WINDOW = QPseudoSpike(np.inf, scale=0.004, dampening=0.02)
FAR_TOO_NARROW = QPseudoSpike(np.inf, scale=1e-6)  # float32 has no exp(-200)
STRAIGHT = get_surrogate("snntorch.straight_through_estimator")
CHOSEN = jax.random.randint(jax.random.key(0), (STEPS, BATCH, 1), 900, 999)
BLANK = inputs() * (jnp.arange(STEPS) < 8)[:, None, None]


class Case(NamedTuple):
    """A network, and what is to be said of it: patterns of the first sentence and the remedy."""

    model: Callable[[], Any]
    cause: str
    population: str | None
    text: str
    remedy: str = ""
    x: Any = None
    options: dict[str, Any] = {}  # noqa: RUF012
    cured: bool = False  # the line that is printed is run, and removes the cause


TOLD = "labels, learning rate and optimizer are not looked at"
CASES = {
    "healthy": Case(lambda: Stack(Layer(1.0), Layer(1.0)), "none", None, TOLD),
    "weak at the end": Case(lambda: Stack(Layer(1.0), Layer(0.15)), "none", None, TOLD),
    "high": Case(lambda: Stack(Layer(1.0, QPseudoSpike(2.0))), "none", None, TOLD),
    "short delay": Case(lambda: Stack(Layer(1.0), Delayed(3), Layer(1.0)), "none", None, TOLD),
    "bfloat16": Case(lambda: Stack(cast(Layer(1.0), jnp.bfloat16)), "none", None, TOLD),
    "repeated input": Case(
        lambda: Stack(Changed(fading)), "none", None, TOLD,
        x=jnp.broadcast_to(inputs()[0], (STEPS, BATCH, N)),
    ),
    "all steps read": Case(
        lambda: Stack(Changed(fading)), "none", None, TOLD,
        options={"objective": lambda outputs: jnp.sum(outputs**2)},
    ),
    "a readout of neurons": Case(  # 0.01 is too little for them to spike
        lambda: Stack(Layer(1.0), Readout(0.01)), "none", None, TOLD
    ),
    "a readout with a threshold of infinity": Case(
        lambda: Stack(Layer(1.0), Distant(1.0)), "none", None, TOLD
    ),
    "too few samples to tell directions": Case(
        lambda: averaged(12), "none", None, TOLD, x=5 * jnp.tile(inputs(1), (1, 1, 3))
    ),
    "memory elsewhere": Case(lambda: Stack(Remembering(float)), "none", None, TOLD),
    "complex memory": Case(lambda: Stack(Remembering(complex)), "none", None, TOLD),
    "one step, with its reset": Case(
        lambda: Stack(ResetAtOnce(3.0), ResetAtOnce(3.0)), "none", None, TOLD, x=inputs(1)
    ),
    "a slow synapse": Case(  # its inputs come early
        lambda: Stack(Filtered()), "none", None, TOLD,
        x=jnp.where((jnp.arange(STEPS) < 5)[:, None, None], inputs(), 0.0),
    ),
    "weights as logarithms": Case(
        lambda: Stack(Layer(1.0), Positive(0.15)), "none", None, TOLD,
    ),
    "samples that begin elsewhere": Case(
        lambda: Stack(Started(1.0, 0.1)), "none", None, TOLD,
        x=jnp.broadcast_to(inputs()[:, :1], (STEPS, BATCH, N)),
    ),
    "features that few samples have": Case(
        lambda: Stack(brainstate.nn.Linear(1000, N, b_init=None), Layer(1.0)), "none", None, TOLD,
        x=10 * jax.nn.one_hot(jnp.arange(STEPS * BATCH).reshape(STEPS, BATCH), 1000),
    ),
    "parameters for after the loop": Case(
        lambda: with_idle(Stack(Layer(1.0)), brainstate.nn.Linear(50, 50)), "none", None, TOLD,
    ),
    "a delay that ends with the last step": Case(
        lambda: Stack(Layer(2.0), Delayed(STEPS - 1), Layer(3.0)), "none", None, TOLD,
    ),
    "dropout of another formula": Case(
        lambda: Stack(Layer(1.0), brainstate.nn.AlphaDropout(0.1), Layer(1.0)), "none", None, TOLD,
    ),
    # NaN and infinity.
    "surrogate": Case(
        lambda: Stack(Layer(1.0), Layer(1.0, NaN()), Layer(1.0)), "not finite", "layers.1",
        "The surrogate gradient of layers.1 is not finite", "'layers.1': 'QPseudoSpike",
    ),
    "runaway": Case(
        lambda: Stack(Layer(1.0), Changed(runaway)), "not finite", "layers.1",
        "layers.1 is not finite: .*at step 5", r"It grows 4\.3 times per step",  # (341 / 1)**(1/4)
    ),
    "runs to 1e15": Case(  # 10 * 2**t is beyond it at t = 47
        lambda: Stack(Changed(lambda V, x, w: 2 * V + 10 * (V == 0))), "not finite", "layers.0",
        "layers.0 is not finite: .*beyond 1e.15 at step 47", "It grows 2 times per step",
        x=inputs(60),
    ),
    "root": Case(
        lambda: Stack(Changed(lambda V, x, w: leaky(V, jnp.sqrt(x - 0.999) @ w))), "not finite",
        "layers.0", "layers.0 is not finite", "Look in its update for a division by 0",
    ),
    "root of 0 on the way back": Case(
        lambda: Stack(Changed(lambda V, x, w: leaky(V, x @ w) + 0 * jnp.sqrt(V - V))), "not finite",
        "layers.0", "The gradient of layers.0 becomes NaN or infinite 1 step before the end",
        "look for .* a root or logarithm at 0",
    ),
    "weights": Case(
        lambda: Stack(Layer(1.0), Layer(jnp.nan)), "not finite", "layers.1", "layers.1 is not fin",
        "Its input weights are NaN: go back to a checkpoint",
    ),
    "overflow of float16": Case(
        lambda: Stack(Changed(lambda V, x, w: (x * 7e4).astype(jnp.float16), dtype=jnp.float16)),
        "not finite", "layers.0", "", r"float16, whose largest number is 6\.55e\+04",
    ),
    "parameter in float16": Case(
        lambda: Stack(cast(Layer(1.0), jnp.float16)), "not finite", "layers.0",
        "layers.0.weights is a parameter in float16, .*Adam divides 0 by 0", "in float32",
    ),
    "NaN objective": Case(
        lambda: Stack(Layer(1.0)), "not finite", None, "The objective is nan",
        options={"objective": lambda x: jnp.log(x.sum() * 0 - 1)},
    ),
    "root of 0 in the objective": Case(
        lambda: Stack(Layer(1.0)), "not finite", None, "The derivative of the objective is NaN or",
        options={"objective": lambda x: jnp.sqrt(x.sum() * 0)},
    ),
    "parameter": Case(
        lambda: Stack(Changed(lambda V, x, w: leaky(V, x @ (jnp.eye(N) + jnp.sqrt(w))), 0.0)),
        "not finite", None, "The gradient of layers.0.weights is NaN or infinite in",
    ),
    "NaN input": Case(
        lambda: Stack(Layer(1.0)), "not finite", "layers.0",
        "the inputs hold NaN or infinity: 1 value, at step 3, sample 1, feature 5",
        x=inputs().at[3, 1, 5].set(jnp.nan),
    ),
    "division by 0 before a NaN input": Case(
        lambda: Stack(Changed(lambda V, x, w: leaky(V, (x / x[:, :1]) @ w))), "not finite",
        "layers.0", "at step 2, and so is everything after it", "for a division by 0",
        x=inputs().at[2, 0, 0].set(0.0).at[9, 2, 3].set(jnp.nan),
    ),
    # No way for the gradient.
    "aside": Case(
        lambda: Stack(Layer(1.0), Aside(1.0)), "disconnected", "layers.1",
        "the output does not depend on it", "Let its spikes reach",
    ),
    "two aside": Case(
        lambda: Stack(Aside(1.0), Aside(1.0)), "disconnected", "layers.1",
        "the output does not depend on it, nor on layers.0 before it",
    ),
    "stop_gradient": Case(
        lambda: Stack(Layer(1.0), Changed(lambda V, x, w: leaky(V, stop(x) @ w))), "no gradient",
        "layers.0", "^No gradient reaches layers.0: stop_gradient on the way", "Take it away",
    ),
    "round": Case(
        lambda: Stack(Layer(1.0), Layer(1.0), Changed(lambda V, x, w: jnp.ceil(x) + jnp.round(x))),
        "no gradient", "layers.1",
        "^No gradient reaches layers.1, nor layers.0 before it: ceil, round on", "Take it away",
    ),
    "sign": Case(
        lambda: Stack(Layer(1.0), Changed(lambda V, x, w: leaky(V, x @ (jnp.sign(w) * 0.3)))),
        "no gradient", "layers.1",
        "^layers.1.weights gets no gradient, so it is not trained: sign on", "Take it away",
    ),
    "another output": Case(
        lambda: TwoOutputs(Layer(1.0)), "no gradient", "layers.0",
        "in the steps and outputs that the objective reads, nothing that depends on it counts",
        options={"objective": lambda outputs: outputs["input"].sum()},
    ),
    "no parameters": Case(
        Plain, "no gradient", None, "no brainstate.ParamState", "Wrap each weight",
    ),
    "blank end": Case(  # the leak of 0.2 brings membranes back to where the rectangle is 0
        lambda: Stack(Layer(2.0, WINDOW, leak=0.2)), "no gradient", "layers.0",
        "in the last step, which the objective reads by default, the surrogate gradient", x=BLANK,
    ),
    "fading": Case(  # half a gradient per step: 2**-7 is less than 1%
        lambda: Stack(Changed(fading)), "fading", "layers.0",
        "7 steps before the end it is down to 1%.*the first 13 steps",
        x=jnp.where((jnp.arange(STEPS) < 8)[:, None, None], inputs(), 0.8),
    ),
    "some input in reach": Case(  # 7 of 20 steps
        lambda: Stack(Changed(fading)), "none", None, TOLD,
    ),
    # Inputs, delays, sizes.
    "no inputs": Case(
        lambda: Stack(Layer(1.0)), "inputs", None, r"^All inputs are 0\.", x=0 * inputs()
    ),
    "same inputs": Case(
        lambda: Stack(Layer(1.0)), "inputs", None, r"^All 3 samples are the same\.",
        x=jnp.broadcast_to(inputs()[:, :1], (STEPS, BATCH, N)),
    ),
    "inhibition that is silent": Case(  # and starves nobody
        lambda: Opposed(Layer(1.0), Layer(0.02), Layer(1.0)), "silent", "layers.1",
        r"^layers.1 is silent: in 100% of the samples none of its neurons fires\.$",
    ),
    "pixels, and weights for other inputs": Case(
        lambda: Stack(Layer(2e-4)), "silent", "layers.0", "layers.0 is silent", x=255 * inputs(),
        cured=True,
    ),
    "inputs with a unit, in which they are small numbers": Case(
        lambda: Stack(lambda x: x.to_decimal(u.mA), Layer(0.01)), "silent", "layers.1",
        "layers.1 is silent", x=1e-3 * inputs() * u.amp, cured=True,
    ),
    "start": Case(
        lambda: Stack(Started(0.01, 4.0)), "start", "layers.0",
        r"^layers.0 begins above the threshold: without any input, 100% of .* first \d steps",
        "V_initializer",
    ),
    "empty inputs": Case(
        lambda: Stack(Layer(1.0)), "inputs", None, "^Half of the samples bring no input signal,",
        x=jnp.zeros((STEPS, BATCH, N)).at[4, 0].set(1.0),
    ),
    "hardly any input spikes": Case(  # one per sample, in 20 steps
        lambda: Stack(Layer(1.0)), "inputs", None,
        r"^Half of the samples bring 0\.05 input signals per step or fewer, too few to make",
        "Look at how the inputs are loaded and encoded",
        x=jnp.zeros((STEPS, BATCH, N)).at[4, jnp.arange(BATCH), jnp.arange(BATCH)].set(0.9),
    ),
    "small rows of a table": Case(
        lambda: Stack(Chosen(0.01), Layer(1.0)), "silent", "layers.1", "layers.1 is silent",
        "normalize_rates", x=CHOSEN, cured=True,
    ),
    "rows that no sample chooses": Case(
        lambda: Stack(Chosen(1.0), Layer(1.0)), "none", None, TOLD, x=CHOSEN
    ),
    "bytes": Case(
        lambda: Stack(mixed(1.0), mixed(2.0)), "inputs", "layers.0", "The inputs go up to 255",
        "/ 255", x=inputs() * 255 / inputs().max(), cured=True,
    ),
    "thousandths": Case(
        lambda: Stack(mixed(1.0), mixed(2.0)), "inputs", "layers.0", "The inputs go up to 0.001",
        r"/ 0\.001", x=inputs() / 1000 / inputs().max(), cured=True,
    ),
    "delay": Case(
        lambda: Stack(Layer(1.0), Delayed(25), Layer(1.0)), "delay", "layers.2",
        r"within these 20 steps, although layers\.0 before it is active.*at step 2[5-8]",
    ),
    "delay in many states": Case(
        lambda: Stack(Layer(1.0), Queued(25), Layer(1.0)), "delay", "layers.2", "at step 2[5-8]",
    ),
    "delay of microseconds, written as milliseconds": Case(
        lambda: Stack(Layer(1.0), Line(400), Layer(1.0)), "delay", "layers.2",
        r"layers\.1\.line holds signals back for up to 400 steps\.", "more steps than the delay",
    ),
    "a delay that one sample of three outruns": Case(
        lambda: Stack(Layer(2.0), Delayed(STEPS - 1), Layer(3.0)), "delay", "layers.2",
        "^Hardly a signal reaches layers.2 within these 20 steps", "more steps",
        x=inputs().at[0, 1:].set(0.0),
    ),
    "a delay elsewhere": Case(
        lambda: with_idle(Stack(Layer(1.0), Layer(0.0)), Line(400)), "silent", "layers.1",
        "layers.1 is silent", "inhibit it or are 0",
    ),
    "too small": Case(
        lambda: reading(20), "too small", "layers.0",
        "^layers.0 is too small: 8 neurons for 20 outputs", "as many neurons",
        x=jnp.tile(inputs(), (1, 1, 3)),
    ),
    "too small for the labels": Case(
        lambda: reading(12, 9), "too small", "layers.0", "8 neurons for 9 classes",
        x=jnp.tile(inputs(), (1, 3, 3)), options={"labels": np.arange(9)},
    ),
    "one neuron that all signals pass": Case(
        lambda: narrowed(12), "too small", "layers.1", "layers.1 is too small: 1 neuron for 12 out",
        x=jnp.tile(inputs(), (1, 1, 3)),
    ),
    "one direction": Case(
        lambda: averaged(12), "information lost", "layers.0",
        "^The outputs vary in 1 direction only, .*: what lies between layers.0 and the output",
        "for a mean", x=jnp.tile(inputs(), (1, 1, 3)),
    ),
    "weights of the output begin alike": Case(
        lambda: reading(12), "none", None, TOLD, x=jnp.tile(inputs(), (1, 1, 3)),
    ),
    "dropout": Case(
        lambda: Stack(Layer(1.0), brainstate.nn.Dropout(0.1), Layer(1.0)), "dropout", None,
        "keeps 10% of the signals", r"layers\[1\]\.prob = 0\.9", cured=True,
    ),
    "one of two dropouts": Case(  # the other is left
        lambda: Stack(*(brainstate.nn.Dropout(0.1) for _ in range(2)), Layer(4.0)), "dropout",
        None, "^layers.0 is a dropout that keeps 10%", r"layers\[0\]\.prob = 0\.9",
    ),
    "dropout that is mapped": Case(
        lambda: Stack(Layer(1.0), brainstate.nn.Vmap(brainstate.nn.Dropout(0.1)), Layer(1.0)),
        "dropout", None, "keeps 10%", r"layers\[1\]\.module\.prob = 0\.9", cured=True,
    ),
    "dropout that is not called": Case(
        lambda: with_idle(Stack(Layer(1.0), Layer(1.0)), brainstate.nn.Dropout(0.1)), "none", None,
        TOLD,
    ),
    # Rates.
    "silent": Case(
        lambda: Stack(Layer(1.0), mixed(0.03), mixed(1.0)), "silent", "layers.1",
        "layers.1 is silent: in 100% of the samples", "normalize_rates", cured=True,
    ),
    "silent without weights": Case(
        lambda: Stack(Changed(lambda V, x, w: leaky(V, x)), Layer(1.0)), "silent", "layers.0",
        "layers.0 is silent", r"Scale the inputs.*: inputs = 2 \* inputs", x=inputs() / 8,
        cured=True,
    ),
    "silent branch": Case(
        lambda: Branches(Layer(0.01), Layer(1.0)), "silent", "a", "^a is silent: [^b]*none[^b]*$",
    ),
    "far too weak": Case(  # 2**20 is not tried
        lambda: Stack(Layer(1e-6), Layer(1.0)), "silent", "layers.0", "layers.0 is silent",
        "^It would take .*unit of its current and of its threshold, a clip of its current",
    ),
    "inhibited output": Case(
        lambda: Stack(Layer(1.0), Layer(-0.02)), "silent", "layers.1", "layers.1 is silent",
    ),
    "multiplied by a silent one": Case(  # what passes by it is 0 all the same
        lambda: Gated(Layer(1.0), mixed(0.003)), "silent", "layers.1", "layers.1 is silent",
        "normalize_rates", cured=True,
    ),
    "silent behind weights that are no parameters": Case(
        lambda: Stack(Plain(0.001), mixed(1.0)), "silent", "layers.0", "layers.0 is silent",
        "^Its weights are no brainstate.ParamState.*: layers.0.weights. Make them parameters: ",
    ),
    "held down": Case(
        lambda: Stack(Changed(deaf), Changed(
            lambda V, x, w: jnp.where(V > 1, -99.0, jnp.where(V < -1, V, V + 0.4 + 1e-4 * x @ w))
        )), "silent", "layers.1", "layers.1 is silenced: .*times as far below the threshold",
    ),
    "the same spikes for all": Case(
        lambda: Stack(Layer(1.0), Changed(deaf), Changed(deaf)), "silent", "layers.1",
        "layers.1 says nothing about the inputs: in 100% of the samples the spikes of layers.1 and",
    ),
    "saturated": Case(
        lambda: Stack(Layer(40.0), mixed(1.0)), "saturated", "layers.0",
        "of its neurons fire at almost every step, so its spikes tell layers.1 little", cured=True,
    ),
    "so often that no gradient is left": Case(
        lambda: Stack(Layer(1.4, FAR_TOO_NARROW)), "saturated", "layers.0",
        r"^layers\.0 is saturated: it fires 0\.[5-9]\d? times per step, and in the last step all",
    ),
    # The surrogate.
    "no surrogate gradient": Case(
        lambda: Stack(Layer(1.4, LeakyRelu(alpha=0.0, beta=0.0))), "no gradient", "layers.0",
        "the surrogate gradient of layers.0 is 0 at all membrane potentials",
    ),
    "negative": Case(
        lambda: Stack(Layer(1.0), Layer(1.0, Triangle())), "negative derivative", "layers.1",
        "negative at membrane potentials that occur: down to -100% of its peak", cured=True,
    ),
    "narrow": Case(
        lambda: Stack(Layer(1.0), Layer(1.3, QPseudoSpike(np.inf, scale=0.004, dampening=0.004))),
        "out of reach", "layers.1", "The surrogate is too narrow for layers.1", cured=True,
    ),
    "narrow, and not a gradient": Case(
        lambda: Stack(Layer(1.0), Layer(1.3, FAR_TOO_NARROW)), "out of reach", "layers.1",
        "The surrogate is too narrow for layers.1: 100%", cured=True,
    ),
    "too wide": Case(
        lambda: Stack(Layer(1.0, STRAIGHT), Layer(1.3, STRAIGHT)), "too wide", "layers.0",
        "for layers.0 and layers.1: .* at 100% of the membrane", cured=True,
    ),
    "too wide in one layer": Case(
        lambda: Stack(Layer(1.0, STRAIGHT), Layer(1.3)), "none", None, TOLD,
    ),
    "too wide and recurrent": Case(
        lambda: Stack(Recurrent(STRAIGHT)), "too wide", "layers.0", "for layers.0: ", cured=True,
    ),
    "too high": Case(
        lambda: Stack(Recurrent(QPseudoSpike(0.5))), "too high", "layers.0",
        "times as large at the first step as at the last", x=inputs(60), cured=True,
    ),
    "too high, and a plain function": Case(
        lambda: Stack(Recurrent(lambda x: QPseudoSpike(0.5)(x))), "too high", "layers.0",
        "times as large at the first step as at the last", "Use another surrogate", x=inputs(60),
        cured=True,
    ),
    "direction lost": Case(
        lambda: Stack(Changed(lambda V, x, w: x @ w - 0.9 * V)), "direction lost", "layers.0",
        r"from step to step \(mean cosine -1.00\)\. Usually the reset", "Stop the gradient",
    ),
    "direction lost by weights": Case(  # 5**19 = 2e13
        lambda: Stack(Changed(lambda V, x, w: x @ w - 5 * (V - stop(V)))), "direction lost",
        "layers.0", "In layers.0 it grows 2e\\+13-fold over the steps: usually the weights",
        "Divide these weights",
    ),
    "overflow of a high one": Case(  # the same cause, whether it overflows or comes near it
        lambda: Stack(Recurrent(QPseudoSpike(0.5))), "too high", "layers.0",
        "The gradient of layers.0 overflows", x=inputs(200),
    ),
}  # fmt: skip


def attributes(model):
    """What each node of a model holds, by identity."""
    nodes = brainstate.graph.nodes(model).items()
    return {path: {name: id(value) for name, value in vars(n).items()} for path, n in nodes}


def flows_of(case, model):
    return gradient_flow(model, inputs() if case.x is None else case.x, **case.options)


def sentences(flows):
    """All that is said of a network; processors differ in digits of what is not a count."""
    measured = re.compile(r"\d+\.\d+(e[-+]?\d+)?%?|\d+e[-+]?\d+|(?!100%|\b0%)\b\d+%")
    return [measured.sub("#", text) for text in only(flows).advice]


@pytest.mark.parametrize("name", CASES)
def test_the_first_line_is_true(name):
    case = CASES[name]
    model = case.model()
    before, flows = attributes(model), flows_of(case, model)
    assert attributes(model) == before  # whatever was tried
    found = only(flows).diagnosis
    assert (found.cause, found.population) == (case.cause, case.population), found
    assert re.search(case.text, found.text), found.text
    assert re.search(case.remedy, found.remedy or ""), found.remedy
    assert repr(flows).splitlines()[0] == str(found)
    assert sentences(flows) == SENTENCES[name]
    if case.cured:
        scope = {"model": model, "inputs": inputs() if case.x is None else case.x}
        exec(found.code, scope)
        assert found.code in found.remedy
        assert only(flows_of(case._replace(x=scope["inputs"]), model)).diagnosis.cause == "none"


def test_every_cause_is_a_row_that_some_network_has():
    shown = {case.cause for case in CASES.values()}
    assert set(CAUSES) == shown
    assert all(cause.name == name and cause.rule and cause.helps for name, cause in CAUSES.items())


@pytest.mark.parametrize("weight", [0.03, 0.35, 1.0])
def test_the_number_of_samples_does_not_decide(weight):
    class Sized(Layer):
        def __init__(self, batch):
            super().__init__(weight)
            self.V.value = jnp.zeros((batch, N))

    drawn = jax.random.uniform(jax.random.key(3), (STEPS, 512, N))
    said = {only(gradient_flow(Stack(Sized(n)), drawn[:, :n])).diagnosis for n in (8, 64, 512)}
    assert len({found.cause for found in said}) == 1
