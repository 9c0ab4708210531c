"""The problems on which `compare` and its advice are judged: a network with its data each.

Rules of choice are made on the development problems. The held-out ones are looked at once per
wave: `docs/results/protocol.md` has the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import brainpy
import brainunit as u
from sklearn.datasets import load_breast_cancer

from braintools_qps import load_task
from braintools_qps._comparison.tasks import Task

from .arrays import over_rms
from .data import (
    cylinder_bell_funnel,
    digits,
    latencies,
    mixtures,
    mnist,
    mnist1d,
    motions,
    series,
    trace,
    waveforms,
)
from .drawn import cue_recall, randman, trials
from .networks import Convolutional, HandWritten, Network, Sparse, sparse_loss, sparse_score
from .published import adam, leaky_network, spiking_digits


@dataclass(frozen=True)
class Problem:
    """A network and its data."""

    name: str
    data: Callable[[], Any]  # arrays, or a task
    model: Callable[..., Any]
    held_out: bool
    epochs: int
    wave: int
    options: Mapping[str, Any] = field(default_factory=dict)  # of `compare`
    is_scaled: bool = True

    def task(self) -> Task:
        """The data, with arrays over their root mean square if the problem is scaled."""
        data = self.data()
        if isinstance(data, Task):
            return data
        return load_task(over_rms(*data) if self.is_scaled else data)


DEEP = partial(Network, layers=3, recurrent=False)
ALIF = brainpy.state.ALIF

DEVELOPMENT = (
    ("digits-rows, recurrent", partial(digits, 800, (8, 8), repeat=2), Network, 25),
    ("cue-recall, recurrent ALIF", cue_recall, partial(Network, neuron=ALIF), 8),
    ("randman, three layers", partial(randman, 800), DEEP, 18),
    ("GunPoint, recurrent with synapses", partial(series, "GunPoint", every=3),
     partial(Network, synapse=True), 40),
    ("ArrowHead, hand-written neurons in mV", partial(series, "ArrowHead", every=5),
     partial(Network, neuron=HandWritten), 60),
    ("digits, convolutional", partial(digits, 500, (1, 64), repeat=10), Convolutional, 12),
    ("digits-pixels, three layers", partial(digits, 500, (32, 2)), DEEP, 24),
)  # fmt: skip
HELD_OUT = (
    ("BasicMotions, recurrent", partial(series, "BasicMotions", every=2), Network, 150),
    ("OSULeaf, three layers of ALIF", partial(series, "OSULeaf", every=14),
     partial(DEEP, neuron=ALIF), 25),
    ("ACSF1, recurrent with synapses", partial(series, "ACSF1", every=24),
     partial(Network, synapse=True), 40),
    ("MNIST by rows, recurrent", partial(mnist, 1000, (14, 14)), Network, 25),
    ("gestures, hand-written neurons in mV", partial(series, "PickupGestureWiimoteZ_eq", every=6),
     partial(Network, neuron=HandWritten), 150),
    ("MNIST, convolutional", partial(mnist, 500, (1, 49), size=7, repeat=10), Convolutional, 12),
    ("MNIST by rows, three layers", partial(mnist, 800, (14, 14)), DEEP, 25),
)  # fmt: skip
# Each problem of the second wave is large in one respect.
WIDE, FLAT = partial(Network, hidden=256), partial(Network, recurrent=False)
LARGE_DEVELOPMENT = (
    ("randman, 5,000 samples", partial(randman, 5000), FLAT, 12),
    ("digits-rows, 400 steps", partial(digits, 200, (8, 8), repeat=50), Network, 25),
    ("digits-rows, 256 neurons", partial(digits, 1797, (8, 8)), WIDE, 15),
)
LARGE_HELD_OUT = (
    ("MNIST by rows, 5,000 samples", partial(mnist, 5000, (28, 28), size=28), FLAT, 12),
    ("Trace, 275 steps", trace, Network, 40),
    ("motions, 256 neurons", partial(motions, 600, every=20), WIDE, 25),
    ("cylinder-bell-funnel, three layers", partial(cylinder_bell_funnel, 500), DEEP, 16),
)
# The third wave asks whether the choice of a surrogate matters: deep, long, sparse, with memory.
THIRD = (
    ("MNIST-1D, recurrent", partial(mnist1d, 1000, 1000), Network, 30),
    ("waveforms, eight layers", partial(waveforms, 600, 1500),
     partial(DEEP, layers=8, gain=2.0), 12),
    ("DelayPairedAssociation, recurrent ALIF",
     partial(trials, "DelayPairedAssociation", 50 * u.ms, 1000, 1000),
     partial(Network, neuron=ALIF), 16),
    ("EvidenceAccumulation, recurrent with synapses",
     partial(trials, "EvidenceAccumulation", 50 * u.ms, 600, 1000),
     partial(Network, synapse=True), 16),
    ("IntervalDiscrimination, 400 steps",
     partial(trials, "IntervalDiscrimination", 7.5 * u.ms, 300, 1000), Network, 12),
    ("tumours in latencies, below 5% firing", partial(latencies, load_breast_cancer, 300, 20),
     Sparse, 30, {"loss": sparse_loss, "score": sparse_score}),
)  # fmt: skip
# The fourth asks for shapes that adapt: one more deep network, and one more task with memory.
FOURTH = (
    ("mixtures, five layers", partial(mixtures, 600, 1000, 16),
     partial(DEEP, layers=5, gain=2.0), 12),
    ("ContextDecisionMaking, recurrent",
     partial(trials, "ContextDecisionMaking", 50 * u.ms, 600, 1000), Network, 16),
)  # fmt: skip
PROBLEMS = tuple(
    Problem(name, data, model, held_out, epochs, wave, *of)
    for wave, held_out, some in (
        (1, False, DEVELOPMENT), (1, True, HELD_OUT),
        (2, False, LARGE_DEVELOPMENT), (2, True, LARGE_HELD_OUT), (3, True, THIRD),
        (4, True, FOURTH),
    )
    for name, data, model, epochs, *of in some
)  # fmt: skip
# The network of mlx-snn's tables of snnTorch, on 2,500 images in place of 70,000.
PUBLISHED = Problem(
    "MNIST, 784-128-10", spiking_digits, leaky_network, False, 25, 0,
    options={"optimizer": adam, "batch_size": 32}, is_scaled=False,
)  # fmt: skip
