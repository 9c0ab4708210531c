"""The second blind half of the casebook: networks written after those of `blind`, in the same way.

Their author had read neither rules nor guides, and ran none of them through `gradient_flow` or
`prepare`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
import optax
from braintools import surrogate as bts

from braintools_qps import QPseudoSpike

from ..blind import row, spiking
from ..cases import JELLY, Case, Custom
from ..data import events, wave
from ..networks import CLASSES, PIXELS, Design
from ..sealed import standard
from ..sealed.neurons import Beta, linear
from .networks import (
    Dendrites,
    Resonators,
    beside,
    binary,
    convolved,
    cued,
    dense,
    dropping,
    earliest,
    experts,
    fans,
    feedforward,
    masked,
    noisy,
    prototypes,
    recalled,
    recurrent,
    scaled,
    scanned,
    scanning,
    storing,
    summing,
)

ARCTAN = bts.Arctan()
mean, total = (partial(f, axis=-1, keepdims=True) for f in (jnp.mean, jnp.sum))
TWINS = {
    "summing": Design(make=summing, code="poisson", tau=20.0, width=100, steps=50,
          surrogate=bts.ReluGrad(0.5, 0.5)),
    "fans": Design(make=fans, layers=3, width=128, steps=10, surrogate=bts.ReluGrad()),
    "feedforward": Design(make=feedforward, spikes=mean, inhibition=4.0, code="poisson", width=80,
          steps=30, surrogate=bts.ReluGrad()),
    "recurrent": Design(make=recurrent, code="poisson", width=128, steps=40,
          surrogate=bts.ReluGrad(), rate=1e-3),
    "cued": Design(make=cued, data=beside, width=96, steps=12, surrogate=ARCTAN, epochs=40),
    "earliest": Design(make=earliest, gain=0.3, width=100, steps=24, read="last",
          surrogate=bts.Sigmoid(4.0), epochs=20),
    "convolved": Design(make=convolved, shape="convolutional", width=4, steps=8,
          surrogate=bts.GaussianGrad(), epochs=10),
    "events": Design(make=partial(recurrent, inputs=2 * PIXELS, classes=4),
          source="moving", data=events, width=16, steps=60, surrogate=bts.ReluGrad(), epochs=10),
    "triangle": Design(make=recurrent, width=64, steps=20,
          surrogate=Custom(lambda x: 0.3 * jnp.maximum(1 - abs(x), 0))),
    "prototypes": Design(make=prototypes, code="latency", width=128, steps=24,
          output=lambda x: jnp.sqrt(x + 1e-6), surrogate=bts.SoftSign(2.0), epochs=20),
    "scanning": Design(make=scanning, data=scanned, width=128, steps=8, read="last",
          surrogate=QPseudoSpike(alpha=4.0, dampening=0.3), epochs=20),
    "dropping": Design(make=dropping, layers=3, keep=0.9, width=128, steps=10, surrogate=ARCTAN),
    "storing": Design(make=storing, data=recalled, tau=100.0, width=128, steps=28, read="last",
          surrogate=bts.ReluGrad(), epochs=30, rate=5e-3),
    "scaled": Design(make=scaled, width=64, steps=10, surrogate=bts.PiecewiseQuadratic()),
}  # fmt: skip


def fails(name: str, cause: str, population: str, twin: str, seen: str, thread: str = "",
          user: bool = True, **mistake: Any) -> Case:  # fmt: skip
    return Case(
        name, cause, population, TWINS[twin], mistake, seen, thread, user, half="second blind"
    )


def ascent(rate: float) -> Any:
    return optax.chain(optax.scale_by_adam(), optax.scale(rate))


cut, mend = "no gradient|disconnected", {"user": False}
FAILURES = [
    fails("divided-by-tau", "silent", "layers.1", "summing",
          "The membrane is divided by its time constant in each step.", f"{JELLY}#132", **mend,
          make=partial(summing, kept=lambda tau: 1 / tau)),
    fails("over-fan-in", "silent", "layers.1|layers.3", "fans",
          "Weights are divided by the number of inputs, and not by its root.", "norse/norse#180",
          **mend, make=partial(fans, power=1.0)),
    fails("summed-inhibition", "silent", "exc", "feedforward",
          "Inhibitory spikes are summed, where their mean was meant.", spikes=total),
    fails("rand-for-randn", "saturated", "cells", "recurrent",
          "Recurrent weights are drawn from 0 to 1, and not around 0.",
          make=partial(recurrent, draw=lambda n: brainstate.random.rand(n, n))),
    fails("softmax-over-one", cut, "gate", "cued",
          "A softmax over an axis of length 1 is 1.", make=partial(cued, axis=-1)),
    fails("counted-steps", cut, "last|lif", "earliest",
          "Steps before the first spike are counted by a comparison.",
          make=partial(earliest, count=lambda t, fired: jnp.where(fired > 0, t, t + 1))),
    fails("threshold-twice", "out of reach|no gradient", "layers.2|layers.5|layers.8", "convolved",
          "The threshold is subtracted in the neuron and again in the surrogate.", **mend,
          surrogate=Custom(lambda x: jnp.exp(-0.5 * ((x - 1) / 0.15) ** 2))),
    fails("straight-through", "too wide|too high|not finite", "cells", "events",
          "A derivative of 1 everywhere, in a loop of 60 steps.", **mend,
          surrogate=Custom(jnp.ones_like)),
    fails("triangle-without-floor", "negative derivative", "cells", "triangle",
          "The triangle goes on below 0 on both sides.", **mend,
          surrogate=Custom(lambda x: 0.3 * (1 - abs(x)))),
    fails("root-of-distance", "not finite", "cells|", "prototypes",
          "The distance of a silent trace to a point at 0 has no derivative.", output=jnp.sqrt),
    fails("first-column", "inputs", "cells|", "scanning",
          "Each step shows the first column of the image, which is almost blank.",
          data=partial(scanned, stuck=True)),
    fails("tenth-kept", "dropout", "layers.1|layers.4|layers.7", "dropping",
          "A dropout of 0.1, where that is the share which is kept.", **mend, keep=0.1),
    fails("adaptation-in-seconds", "fading|no gradient|information lost", "layers.1", "storing",
          "The time constant of the adaptation is 0.1 ms, where 0.1 s were meant.",
          "norse/norse#206", tau=0.1),
    fails("half-squares", "not finite|silent|no gradient", "layers.2|", "scaled",
          "Squares of currents are above 65504, the largest number of half precision.",
          dtype="float16"),
    fails("labels-off-by-one", "none", "", "scaled",
          "Each image has the label of the one before.", labels=partial(jnp.roll, shift=1)),
    fails("ascent", "none", "", "cued", "The optimizer climbs.", optimizer=ascent),
]  # fmt: skip

NEW = {
    "dendrites": Design(make=lambda d: row(linear(30, d.width, 2.0), Dendrites(d.width,
          d.surrogate), linear(d.width, 2)), source="cancer", data=standard, width=32, steps=20,
          epochs=20, surrogate=bts.ERF()),
    "masked": Design(make=lambda d: row(masked(PIXELS, 256), Beta(256, d.surrogate, 0.95),
          masked(256, 64), Beta(64, d.surrogate, 0.95), linear(64, CLASSES)), code="latency",
          steps=16, epochs=15, surrogate=ARCTAN),
    "binary": Design(make=lambda d: row(binary(PIXELS, 128), Beta(128, d.surrogate),
          binary(128, 128), Beta(128, d.surrogate), linear(128, CLASSES)), steps=10,
          surrogate=bts.ReluGrad(0.5, 1.0)),
    "resonators": Design(make=lambda d: row(linear(2, d.width, 1.0), Resonators(d.width,
          d.surrogate), linear(d.width, 5)), source="tones", data=wave, width=64, steps=100,
          surrogate=bts.SoftSign(2.0), epochs=12, rate=1e-2),
    "experts": Design(make=experts, source="wine", data=standard, width=16, steps=16, epochs=60,
          surrogate=bts.Sigmoid(4.0)),
    "dense": Design(make=dense, layers=8, width=24, steps=8, surrogate=QPseudoSpike(alpha=3.0)),
    "noisy": Design(make=noisy, source="cancer", data=standard, width=64, steps=60, epochs=20,
          surrogate=bts.PiecewiseExp()),
    "facilitated": Design(make=lambda d: row(linear(PIXELS, 64, 8.0, u.mA), spiking("LIF", 64, d),
          brainpy.state.STP(64, U=0.2, tau_f=100 * u.ms, tau_d=20 * u.ms), linear(64, 64, 12.0,
          u.mA), spiking("ALIF", 64, d), linear(64, CLASSES)), code="poisson", steps=24,
          surrogate=ARCTAN),
}  # fmt: skip
ONLY_TWINS = ("summing", "fans", "recurrent", "earliest", "events", "triangle")
HEALTHY = [
    Case(name, "none", "", design, {}, half="second blind")
    for name, design in (TWINS | NEW).items()
    if name not in ONLY_TWINS
]

SECOND = {case.name: case for case in (*FAILURES, *HEALTHY)}
