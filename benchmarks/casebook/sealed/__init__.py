"""The sealed half of the casebook: networks by somebody who had not read the rules.

They were not run through `gradient_flow` or `prepare` when they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from braintools import surrogate as bts

from braintools_qps import QPseudoSpike

from ..cases import JELLY, TORCH, Case, Custom
from ..networks import SIDE, Design
from .images import Attention, Halves, Images, Pooled, Rows, Sequence, Sew, Voting
from .layers import (
    Alphas,
    Cortex,
    Dropped,
    Learnt,
    Membranes,
    Normed,
    Once,
    Shortcuts,
    Tabular,
    Traces,
    Voltages,
    stack,
)
from .recurrent import Chain, Dale, Loop, Lsnn, Projections, Reservoir


def standard(x: Any) -> Any:
    """Features of mean 0 and variance 1."""
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-6)


def undivided(x: Any) -> Any:
    """As `standard`, but 0 / 0 for a feature that is the same in all samples."""
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def fields(x: Any) -> Any:
    """A spike from each of 5 receptive fields of a feature, the earlier, the closer it is."""
    steps, (low, high) = len(x), (f(x[0], axis=0) for f in (jnp.min, jnp.max))
    part = (x[0] - low) / (high - low)
    near = jnp.exp(-(((part[..., None] - jnp.linspace(0, 1, 5)) / 0.2) ** 2))
    near = near.reshape(len(near), -1)
    at = jnp.round((1 - near) * (steps - 10))
    return ((jnp.arange(steps)[:, None, None] == at) & (near > 0.1)).astype(jnp.float32)


def row_by_row(x: Any) -> Any:
    """Rows of 8 pixels, one in each step, then as many blank steps as are left."""
    rows = jnp.moveaxis(x[0].reshape(-1, SIDE, SIDE), 1, 0)
    return jnp.concatenate([rows, jnp.zeros((len(x) - SIDE, *rows.shape[1:]))])


def per_second(x: Any) -> Any:
    """Spikes for rates of at most 1 Hz, where 1 per step was meant."""
    return x * (jax.random.uniform(jax.random.key(1), x.shape) < 1e-3)


def shuffled(labels: Any) -> Any:
    return jax.random.permutation(jax.random.key(0), labels)


def bell(x: Any) -> Any:
    """The derivative of a Gaussian, where the Gaussian was meant."""
    return -4 * x * jnp.exp(-2 * x**2)


ARCTAN = bts.Arctan()
first, second = ("lif1", "lif2")

TWINS = {
    "row-of-layers": Design(make=stack, width=128, steps=25, surrogate=ARCTAN, tau=5.0),
    "refreshed": Design(make=stack, width=32, layers=3, data=standard, steps=16, tau=4.0,
          surrogate=bts.SoftSign(2.0), options=(("reset", "soft"), ("scale", 5.0))),
    "projections": Design(make=Projections, code="poisson", steps=50, width=100, tau=20.0,
          surrogate=bts.ReluGrad()),
    "sew": Design(make=Sew, shape="convolutional", width=8, layers=5, steps=6,
          surrogate=ARCTAN, epochs=8, rate=1e-2),
    "voting": Design(make=Voting, shape="convolutional", width=8, steps=8, readout="spiking",
          surrogate=bts.ReluGrad(0.5, 0.8), epochs=10),
    "membranes-long": Design(make=Membranes, width=48, steps=80, code="poisson", rate=1e-3,
          surrogate=QPseudoSpike(alpha=2.0, dampening=0.3), read="max"),
    "dale": Design(make=Dale, width=80, code="poisson", steps=24, surrogate=bts.ReluGrad()),
    "tabular": Design(make=Tabular, source="cancer", data=standard, steps=20, width=32,
          surrogate=bts.PiecewiseQuadratic(), epochs=30),
    "receptive-fields": Design(make=Alphas, source="wine", data=fields, steps=40, width=48,
          tau=10.0, surrogate=bts.ERF(), epochs=60),
    "lsnn": Design(make=Lsnn, code="poisson", steps=60, width=40, tau=20.0,
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3)),
    "images": Design(make=Images, source="mnist", steps=10, width=100, surrogate=ARCTAN,
          epochs=8),
    "halves": Design(make=Halves, width=48, steps=20, surrogate=QPseudoSpike(alpha=3.0)),
    "traces": Design(make=Traces, code="latency", steps=24, width=128, read="last", epochs=20,
          surrogate=bts.SlayerGrad()),
    "dropped": Design(make=Dropped, width=200, steps=12, keep=0.95, surrogate=bts.Sigmoid(3.0)),
    "chain": Design(make=Chain, width=64, layers=6, steps=32, surrogate=ARCTAN, epochs=20),
    "normed": Design(make=Normed, width=64, layers=4, steps=10, surrogate=bts.GaussianGrad()),
    "rows-convolved": Design(make=Rows, steps=12, width=64,
          surrogate=QPseudoSpike(alpha=8.0, scale=0.5)),
    "voltages": Design(make=Voltages, width=128, steps=40, epochs=16,
          surrogate=bts.ReluGrad(0.5, 1.0)),
    "loop": Design(make=Loop, width=128, steps=100, code="poisson", read="last", rate=1e-3,
          surrogate=QPseudoSpike(alpha=8.0, dampening=0.3)),
    "cortex": Design(make=Cortex, width=128, steps=30, epochs=20,
          surrogate=bts.PiecewiseExp()),
    "sequence": Design(make=Sequence, data=row_by_row, steps=12, width=256, read="last",
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3), epochs=60),
    "pooled": Design(make=Pooled, shape="convolutional", width=6, steps=8, epochs=10,
          surrogate=bts.Sigmoid()),
    "learnt": Design(make=Learnt, width=64, layers=3, steps=10, surrogate=ARCTAN),
    "once": Design(make=Once, code="latency", width=256, steps=20, read="last", epochs=20,
          surrogate=QPseudoSpike(alpha=2.0)),
    "shortcuts": Design(make=Shortcuts, width=64, layers=6, steps=12,
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.5)),
    "attention": Design(make=Attention, width=32, steps=8, surrogate=bts.Sigmoid(4.0)),
    "reservoir": Design(make=Reservoir, width=200, steps=20, tau=10.0,
          surrogate=QPseudoSpike(alpha=8.0)),
}  # fmt: skip


def fails(name: str, cause: str, population: str, twin: str, seen: str,
          mistake: Mapping[str, Any], thread: str = "", *, user: bool = False) -> Case:  # fmt: skip
    return Case(name, cause, population, TWINS[twin], mistake, seen, thread, user, half="sealed")


FAILURES = [
    fails("weak-projection", "silent", "pop|back.post|feed.post", "projections",
          "Synaptic currents are scaled by 0.001.", {"options": (("scale", 1e-3),)}),
    fails("sew-and", "silent",
          "|".join(f"blocks.{i}.lif{j}" for i in range(1, 5) for j in (1, 2)), "sew",
          "Spikes of a block are multiplied by those that it came from, and get fewer with depth.",
          {"options": (("join", "and"),)}, "fangwei123456/Spike-Element-Wise-ResNet#21"),
    fails("silent-voters", "silent", "voters", "voting",
          "The loss stays at that of an output of zeros.", {"options": (("last", 0.05),)},
          f"{JELLY}#216"),
    fails("reset-difference", "saturated", "|".join(f"lifs.{i}" for i in range(6)), "chain",
          "The reset is the spike minus the threshold, in place of their product.",
          {"options": (("fault", True),)}, f"{TORCH}#413", user=True),
    fails("shifted-norm", "saturated", "lifs.0", "normed",
          "Layer norm adds 10 thresholds.", {"options": (("shift", 10.0),)}),
    fails("offset-features", "inputs", "neurons|", "tabular",
          "Sensors count from an offset 300 times as large as what differs.",
          {"data": lambda x: standard(x) + 300}, user=True),
    fails("spikes-per-second", "inputs", "regular|adaptive|", "lsnn",
          "Rates per step are taken for rates per second.", {"code": "constant",
          "data": per_second}, user=True),
    fails("comparison", "no gradient|disconnected", first, "images",
          "A comparison in place of a surrogate.", {"options": (("hard", True),)}, user=True),
    fails("integers", "no gradient|disconnected", "cells.0|cells.1|cells.2", "learnt",
          "Spikes are kept as integers.", {"options": (("dtype", jnp.int8),)}, user=True),
    fails("unused-branch", "disconnected|no gradient", "slow", "halves",
          "One of two branches is joined with itself.", {"options": (("used", False),)},
          user=True),
    fails("kept-trace", "disconnected|no gradient", f"{first}|{second}", "traces",
          "A state is read that is never written.", {"options": (("kept", False),)}, user=True),
    fails("keep-and-drop", "dropout", f"{first}|{second}", "dropped",
          "The probability of dropping is given as that of keeping.", {"keep": 0.02}),
    fails("too-few-steps", "delay|disconnected|no gradient", "lifs.5|lifs.4", "chain",
          "Each of six layers takes a step, and there are five.", {"steps": 5}, "norse/norse#325",
          user=True),
    fails("derivative-of-bell", "negative derivative", "|".join(f"lifs.{i}" for i in range(6)),
          "chain", "The derivative of a Gaussian in place of the Gaussian.",
          {"surrogate": Custom(bell)}),
    fails("narrow-layers", "out of reach", "layers.1|layers.3|layers.5", "refreshed",
          "A surrogate that is not 0 within a hundredth of the threshold only.",
          {"surrogate": bts.PiecewiseQuadratic(200.0)}),
    fails("steep-loop", "too high|not finite", "cells", "loop",
          "A steep sigmoid in a recurrent network of 100 steps.", {"surrogate": bts.Sigmoid(40.)}),
    fails("high-adaptive", "too high", "regular|adaptive", "lsnn",
          "A surrogate ten times too high, with a fat tail.", {"surrogate": QPseudoSpike(alpha=1.0,
          dampening=3.0)}),
    fails("forgotten-rows", "fading|no gradient", "cells|memory", "sequence",
          "Neurons forget in a step, and the last of four blank steps is read.",
          {"options": (("memory", 0.01),)}, user=True),
    fails("global-pool", "information lost|too small", "if1|if2", "pooled",
          "The pool is as large as the image.", {"options": (("pool", 8),)}, user=True),
    fails("shuffled-labels", "none", "", "reservoir", "Labels do not belong to their samples.",
          {"labels": shuffled}, user=True),
    fails("learning-rate", "none", "", "attention",
          "Accuracy stays where it was; the learning rate is to be tried over decades.",
          {"rate": 1e-6}, f"{JELLY}#338", user=True),
    fails("gradient-descent", "none", "", "cortex", "Gradient descent with the rate of Adam.",
          {"optimizer": optax.sgd, "rate": 1e-4}, user=True),
    fails("decay-above-one", "not finite", f"{first}|{second}", "membranes-long",
          "A time constant of 5 steps is given as the decay per step.",
          {"options": (("beta", 5.0),)}, f"{TORCH}#346", user=True),
    fails("constant-pixels", "not finite|inputs", "layers.1|", "refreshed",
          "Pixels are divided by their standard deviation, which is 0 for some.",
          {"data": undivided}, user=True),
]  # fmt: skip

ONLY_TWINS = ("refreshed", "dropped", "membranes-long")  # as plain as networks of `cases`
HEALTHY = [
    Case(name, "none", "", design, {}, half="sealed")
    for name, design in TWINS.items()
    if name not in ONLY_TWINS
]

SEALED = {case.name: case for case in (*FAILURES, *HEALTHY)}
