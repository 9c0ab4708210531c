"""The third blind half of the casebook: networks written after those of `second_blind`.

Their author had read neither rules nor guides, and ran none of them through `gradient_flow` or
`prepare`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from braintools import surrogate as bts

from braintools_qps import QPseudoSpike

from ..cases import Case
from ..data import events
from ..networks import CLASSES, Design
from ..sealed import row_by_row, standard
from . import networks as nets

TWINS = {
    # As most users build them.
    "counting": Design(make=nets.counting, source="mnist", code="poisson", width=100, steps=15,
          readout="spiking", surrogate=bts.InvSquareGrad(10.0), epochs=4),
    "synapses": Design(make=nets.synapses, data=nets.standardised, width=64, steps=30,
          surrogate=bts.SlayerGrad()),
    "rms-norm": Design(make=nets.normed, layers=5, norm="rms", width=64, steps=8,
          surrogate=bts.ERF(), epochs=6),
    "separable": Design(make=nets.separable, shape="convolutional", width=8, steps=5,
          surrogate=bts.Arctan(), epochs=6, rate=1e-2),
    "delta": Design(make=nets.delta, data=nets.deltas, width=100, steps=50,
          surrogate=bts.GaussianGrad(), epochs=30),
    "chemistry": Design(make=nets.chemistry, source="wine", data=standard, keep=0.8, width=48,
          steps=20, surrogate=bts.PiecewiseExp(), epochs=60),
    "skips": Design(make=nets.skips, layers=12, width=32, steps=6, surrogate=bts.Sigmoid()),
    "slow": Design(make=nets.slow, code="poisson", width=48, steps=150, surrogate=bts.S2NN(),
          epochs=20, rate=1e-2),
    "cortical": Design(make=nets.cortical, width=64, steps=15, epochs=20,
          rate=1e-2, surrogate=bts.PiecewiseQuadratic()),
    "hybrid": Design(make=nets.hybrid, width=64, steps=12, surrogate=bts.LogTailedRelu()),
    # Rare ones.
    "shunting": Design(make=nets.shunting, width=96, steps=20,
          surrogate=bts.SquarewaveFourierSeries()),
    "thresholds": Design(make=nets.thresholds, data=nets.phases, width=64, steps=24,
          surrogate=bts.GaussianGrad()),
    "chip": Design(make=nets.chip, width=16, steps=16, surrogate=bts.ReluGrad()),
    "low-rank": Design(make=nets.low_rank, code="poisson", width=150, steps=30,
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3), epochs=8),
    "early-votes": Design(make=nets.early_votes, layers=2, code="latency", width=64, steps=20,
          surrogate=bts.MultiGaussianGrad(), epochs=20),
    "gated": Design(make=nets.gated, data=row_by_row, width=100, steps=24, read="last",
          surrogate=bts.PiecewiseLeakyRelu(), epochs=40, rate=5e-3),
    "liquid": Design(make=nets.liquid, code="poisson", width=160, steps=30,
          surrogate=bts.ReluGrad(0.5, 1.0)),
    "compass": Design(make=nets.compass, source="moving", data=events, width=48, steps=30,
          surrogate=bts.SoftSign(2.0), epochs=10),
    "tied": Design(make=nets.tied, width=64, steps=20, surrogate=bts.LeakyRelu()),
    "tokens": Design(make=nets.tokens, width=24, steps=6, surrogate=bts.NonzeroSignLog()),
}  # fmt: skip


def fails(name: str, cause: str, population: str, twin: str, seen: str, *, user: bool = True,
          **mistake: Any) -> Case:  # fmt: skip
    return Case(name, cause, population, TWINS[twin], mistake, seen, user=user, half="third blind")


cut, mend = "no gradient|disconnected", {"user": False}
both, inner = "layers.1|layers.3", "layers.layers.1|layers.layers.3"
FAILURES = [
    fails("norm-forgotten", "silent", "layers.2|layers.5|layers.8", "rms-norm",
          "Small weights were meant for a norm that is not there.", **mend, norm=""),
    fails("leak-in-nanosiemens", "silent", "cells", "shunting",
          "The leak is in nanosiemens and synapses are in microsiemens.",
          make=partial(nets.shunting, leak=100.0)),
    fails("picoamperes", "saturated", "reader", "liquid",
          "A background current of 0.2 nA is given in picoamperes.",
          make=partial(nets.liquid, background=200.0)),
    fails("log-thresholds", "saturated", both, "thresholds",
          "The logarithm of a threshold is taken for the threshold.",
          make=partial(nets.thresholds, link=lambda x: x)),
    fails("chip-units", "out of reach", "layers.2|layers.5", "chip",
          "A surrogate of width 1, where the threshold is 64000.", **mend,
          make=partial(nets.chip, unit=1.0)),
    fails("tall-gaussian", "too high|exploding|not finite", "cells", "delta",
          "A slope of 30 is given as a factor of the height, in a loop of 50 steps.", **mend,
          surrogate=bts.GaussianGrad(alpha=30.0)),
    fails("unscaled-flow", "exploding|not finite", "cells", "low-rank",
          "The weights between latent variables are not divided by the root of their number.",
          make=partial(nets.low_rank, scaled=False)),
    fails("swapped-lobes", "negative derivative", inner, "early-votes",
          "Height and width of the side lobes are swapped, which are below 0.", **mend,
          surrogate=bts.MultiGaussianGrad(h=6.0, s=0.15)),
    fails("open-gates", "fading|no gradient|information lost", "layers.0", "gated",
          "The bias of the gates has the wrong sign, and each step renews all of the membrane.",
          make=partial(nets.gated, bias=6.0)),
    fails("one-hot-votes", cut, both, "counting",
          "The loss gets the winner of each step as a one-hot vector.",
          output=lambda z: jax.nn.one_hot(z.argmax(axis=-1), CLASSES)),
    fails("share-rounded", "disconnected|no gradient", "exc|inh|reader", "liquid",
          "The share of connections, 0.3, is rounded to an integer.",
          make=partial(nets.liquid, share=0.0)),
    fails("angle-of-nothing", "not finite", "cells|", "compass",
          "The angle of a vector of length 0 has no derivative.", output=nets.angle),
    fails("tau-from-zero", "not finite", both, "slow",
          "Time constants are spread from 0 on, and the derivative is 0 times infinity there.",
          make=partial(nets.slow, taus=lambda n: jnp.linspace(0, 100, n))),
    fails("over-time", "inputs", "layers.2|", "synapses",
          "Pixels are standardised over time, in which they do not change.",
          data=partial(nets.standardised, axis=0)),
    fails("deaf", "inputs", "cells|", "delta",
          "The step of the delta code is 3, which no pixel reaches, so there are no spikes.",
          data=partial(nets.deltas, step=3.0)),
    fails("tenths-of-a-step", f"delay|{cut}", "retina|cells", "compass",
          "Delays in tenths of a millisecond are taken for milliseconds.",
          make=partial(nets.compass, unit=10)),
    fails("keep-for-drop", "dropout", "layers.2|layers.5|", "chemistry",
          "The share to drop is given as that to keep, in all layers.", **mend, keep=0.02),
    fails("all-alike", "information lost|no gradient", "layers.1|layers.3|layers.5", "hybrid",
          "All weights of a layer begin with the same value.",
          make=partial(nets.hybrid, alike=True)),
    fails("two-features", "too small|information lost", "cells", "tied",
          "Two neurons for ten classes.", width=2),
    fails("chip-in-half", "half precision|not finite", "layers.2|layers.5", "chip",
          "Membranes pass 65504, the largest number of half precision.", dtype="float16"),
]  # fmt: skip

HEALTHY = [Case(name, "none", "", design, {}, half="third blind") for name, design in TWINS.items()]
THIRD = {case.name: case for case in (*FAILURES, *HEALTHY)}
