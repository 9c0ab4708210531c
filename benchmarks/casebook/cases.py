"""The networks of the casebook: failures with a known cause, and healthy networks.

A failure is a healthy design, its twin, with a mistake: fields of the design that differ.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
from braintools import surrogate as bts

from braintools_qps import QPseudoSpike

from .mistakes import (
    Custom,
    averaged,
    exponential,
    fast_sigmoid,
    holed,
    negative,
    overflowing,
    pruned,
    root,
    triangular,
)
from .networks import Design


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, what is wrong with it and where.

    ``cause`` and ``population`` are the expected diagnosis; either may have alternatives, separated
    by "|". ``user`` says that only the user can mend it: no line of code on the model does. The
    rules were made with the half "development". "held out" was looked at with finished rules,
    "sealed" and the blind ones are by people who had not read the rules.
    """

    name: str
    cause: str
    population: str
    twin: Design
    mistake: Mapping[str, Any]
    seen: str = ""  # the symptom
    thread: str = ""  # owner/repository#number
    user: bool = False
    half: str = ""

    @property
    def design(self) -> Design:
        return dataclasses.replace(self.twin, **self.mistake)


leaky = {"neuron": "Leaky", "gain": 1.0, "tau": 9.5, "rate": 1e-3, "epochs": 8}
first, second, third = (f"blocks.{i}.neuron" for i in range(3))
conv = {"shape": "convolutional", "width": 4, "steps": 10, "epochs": 6}
either = f"{first}|{second}"
within = f"|{first}"  # of the whole network, or where it begins
cut = "no gradient|disconnected"


def fails(name, cause, population, seen, mistake, thread="", *, user=False, old=False, **twin):
    half = "development" if old else half_of(name)
    return Case(name, cause, population, Design(**twin), mistake, seen, thread, user, half)


def half_of(name: str) -> str:
    """``"development"`` or ``"held out"``, by the parity of a hash of the name."""
    return "held out" if hashlib.sha256(name.encode()).digest()[0] % 2 else "development"


JELLY, TORCH = "fangwei123456/spikingjelly", "jeshraghian/snntorch"

FAILURES = [
    # Silent.
    fails("deep-sigmoid", "silent", "blocks.2.neuron|blocks.3.neuron",
          "Firing rates fall with depth; all images get the same class.",
          {"gain": 1.0}, f"{JELLY}#285", old=True, **leaky | {"layers": 8,
          "surrogate": bts.Sigmoid(), "gain": 4.0}),
    fails("deep-s2nn", "silent", "blocks.2.neuron|blocks.3.neuron",
          "Trains with arctan, not with S2NN.", {"gain": 1.0, "surrogate": bts.S2NN()},
          f"{JELLY}#190", old=True, **leaky | {"layers": 8, "surrogate": bts.Arctan(),
          "gain": 4.0}),
    fails("convolution-threshold", "silent", first,
          "The loss of a convolutional network does not fall.", {"threshold": 0.75},
          "yjwu17/STBP-for-training-SpikingNN#6", old=True, **leaky | conv | {"threshold": 0.1,
          "tau": 0.72, "surrogate": bts.ReluGrad(1.0, 0.5)}),
    fails("plif-time-constant", "silent", f"{second}|{third}",
          "Accuracy halves with a time constant of 16 in place of 2.", {"tau": 16.0},
          "fangwei123456/Parametric-Leaky-Integrate-and-Fire-Spiking-Neuron", layers=4, gain=6.0,
          tau=2.0, steps=16, surrogate=bts.Arctan(), options=(("spk_reset", "hard"),)),
    fails("residual-heads", "silent", "readout.neuron",
          "The training loss of a residual network does not fall.", {"last": lambda w: w / 50},
          f"{TORCH}#377", shape="residual", layers=3, norm="batch", readout="spiking", gain=3.0,
          surrogate=bts.ReluGrad(), epochs=30),
    fails("silent-output", "silent", "readout.neuron", "No neuron of the output layer fires.",
          {"last": lambda w: -20 * abs(w)}, f"{TORCH}#219",
          readout="spiking", surrogate=bts.ReluGrad(0.3, 2.0)),
    fails("small-weights", "silent", first, "Weights 20 times too small.", {"gain": 0.4}),
    fails("small-recurrent-weights", "silent", first, "Small weights, recurrent.", {"gain": 0.5},
          shape="recurrent"),
    fails("small-second-layer", "silent", f"{second}|{third}", "Weights fit the first layer only.",
          {"gain": 2.2}, layers=4, gain=10.0),
    fails("volts", "silent", first, "A threshold of 1 V.", {"threshold": 1000.0}, user=True),
    fails("seconds", "silent", first, "A time constant of 5 s.", {"tau": 5000.0}),
    fails("negative-weights", "silent", first, "All weights are negative.", {"begin": negative},
          biased=False, surrogate=bts.ReluGrad()),
    fails("inhibition", "silent", "blocks.0.exc", "Inhibition silences the network.",
          {"inhibition": 200.0}, shape="inhibited", layers=1, surrogate=bts.ReluGrad()),
    fails("adaptation", "silent", either,
          "Thresholds rise with each spike and never come back.", {"options": (("beta", 50.0),
          ("tau_a", 1e4))}, neuron="ALIF"),
    fails("refractory", "silent", either, "Each neuron fires once.",
          {"options": (("tau_ref", 1e3),)}, neuron="LIFRef", options=(("tau_ref", 2.0),),
          gain=4.0),
    fails("far-reset", "silent", either,
          "A spike resets far below the resting potential.", {"options": (("V_reset", -70.0),)},
          gain=4.0),
    fails("silent-branch", "silent|no gradient", first, "One of two branches is silent.",
          {"begin": negative, "biased": False}, shape="branches", surrogate=bts.ReluGrad()),
    fails("weak-synapse", "silent", first, "A synaptic current too small.", {"gain": 0.02},
          **leaky | {"neuron": "Synaptic", "gain": 0.5}),
    fails("small-batch-norm", "silent", first, "Batch norm with a gain that is too small.",
          {"gain": 0.15}, norm="batch", gain=3.0),
    fails("small-layer-norm", "silent", first, "Layer norm with a gain that is too small.",
          {"gain": 0.15}, norm="layer", gain=3.0, layers=3),
    fails("weak-latency", "silent", first, "One early spike per pixel is not enough.",
          {"gain": 1.0}, code="latency", gain=20.0, epochs=20),
    fails("weak-poisson", "silent", first, "Input spikes are too weak.", {"gain": 0.5},
          code="poisson"),
    # Saturated.
    fails("positive-weights", "saturated", first, "Membranes run away to 100 times the threshold.",
          {"begin": abs}, f"{TORCH}#66", old=True, user=False, **leaky | {"neuron": "Synaptic",
          "surrogate": fast_sigmoid(25.0), "tau": 4.5, "rate": 1e-3, "epochs": 8, "steps": 12,
          "gain": 1.0, "options": (("synapse", 9.5),)}),
    fails("large-bias", "saturated", first, "A constant current drives all neurons.",
          {"current": lambda x: x + 6}, user=True),
    fails("low-threshold", "saturated", first, "The threshold lies below rest.",
          {"threshold": -6.0}, user=True, **leaky),
    # Inputs.
    fails("bytes", "inputs", within, "Pixels from 0 to 255.", {"data": lambda x: 255 * x}),
    fails("bytes-deep", "inputs", within, "Pixels from 0 to 255, four layers.",
          {"data": lambda x: 255 * x}, layers=4, gain=10.0),
    fails("tiny-inputs", "inputs", within, "Pixels from 0 to 0.001.", {"data": lambda x: x / 1000}),
    fails("averaged-inputs", "inputs", within, "All samples are the same.", {"data": averaged},
          user=True),
    fails("missing-value", "inputs|not finite", within,
          "The loss is NaN from the first step on.", {"data": holed}, user=True),
    fails("no-inputs", "inputs", within, "All inputs are 0.", {"data": jnp.zeros_like}, user=True),
    # No gradient.
    fails("detached", cut, either, "No gradient gets past a layer.",
          {"spikes": jax.lax.stop_gradient}, "norse/norse#125", old=True, user=True,
          **leaky | {"width": 16, "rate": 3e-3, "epochs": 20, "surrogate": bts.Arctan()}),
    fails("detached-output", cut, second, "The loss does not change at all.",
          {"output": jax.lax.stop_gradient}, user=True),
    fails("rounded", cut, either, "Currents are rounded to whole numbers.",
          {"current": jnp.round}, user=True, width=16),
    fails("binary-weights", cut, either, "Weights are +1 or -1.",
          {"weight": lambda w: jnp.sign(w) / 8}, user=True, width=16),
    fails("zero-surrogate", "zero surrogate|no gradient", either,
          "Trains with one backend, not with the other.", {"surrogate": Custom(jnp.zeros_like)},
          f"{JELLY}#660", width=16),
    fails("constants", "no parameters|no gradient", "",
          "Weights are not of a type that is trained.", {"trained": False}, user=True),
    fails("long-delay", "delay|disconnected|no gradient", either,
          "Nothing but the bias arrives at the output.", {"delay": 30}, user=True),
    fails("blank-steps", "fading|no gradient", either,
          "Rows, then 40 blank steps, the last one read.",
          {"tau": 1.5, "steps": 48, "read": "last", "surrogate": bts.ReluGrad()}, code="rows",
          steps=12),
    fails("early-input", "fading|no gradient", either,
          "The image is shown early, the output is read late.", {"read": "last"}, old=True,
          user=True,
          **leaky | {"layers": 1, "code": "early",
          "steps": 30, "tau": 4.5, "rate": 3e-3, "epochs": 20,
          "surrogate": QPseudoSpike(dampening=0.25)}),
    fails("dropped", "dropout", either, "Dropout keeps one value in 500.",
          {"keep": 0.002}),
    # Not finite.
    fails("overflowing-sigmoid", "not finite", either,
          "The loss behaves weirdly with a sigmoid of slope 25.",
          {"surrogate": Custom(overflowing)}, f"{TORCH}#427", old=True,
          **leaky | {"surrogate": bts.Sigmoid(25.0)}),
    fails("mixed-states", "not finite", first,
          "The membrane and the synaptic current run to infinity.", {"options": (("mixed", True),)},
          f"{TORCH}#350", old=True, user=True, **leaky | {"neuron": "Synaptic", "layers": 1,
          "steps": 150, "epochs": 6, "rate": 3e-3, "gain": 0.3, "surrogate": bts.Arctan()}),
    fails("recurrent-overflow", "not finite|too high", first,
          "A recurrent network over many steps learns nothing.", {"surrogate": bts.Sigmoid(40.)},
          old=True, **leaky | {"layers": 1, "shape": "recurrent", "steps": 150, "epochs": 6,
          "rate": 3e-3, "surrogate": QPseudoSpike(alpha=8.0, dampening=.2), "gain": 2.0}),
    fails("root-of-zero", "not finite|no gradient", f"{first}|{second}|",
          "Weights of 0 under a square root.", {"weight": root, "begin": pruned}, user=True,
          gain=2.0),
    fails("nan-objective", "not finite", "", "The loss takes the root of a negative output.",
          {"read": "root"}, user=True),
    fails("half-exponential", "not finite", either,
          "Exponential neurons are unstable in half precision.", {"dtype": "float16"},
          f"{JELLY}#247", user=True, neuron="Exponential", gain=2.0),
    fails("zero-by-zero", "not finite", either,
          "Currents are divided by their sum, which may be 0.",
          {"current": lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True)}, user=True,
          code="rows", steps=12, biased=False),
    fails("logarithm", "not finite", "", "The logarithm of an output.", {"output": jnp.log},
          user=True),
    # The surrogate.
    fails("narrow", "out of reach", either,
          "A surrogate 100 times narrower than the distance from rest to threshold.",
          {"surrogate": exponential(0.01)}, old=True, **leaky | {"gain": 4.0,
          "surrogate": exponential(1.28)}),
    fails("narrow-deep", "out of reach", f"{first}|{second}|{third}",
          "A narrow rectangle, four layers.", {"surrogate": bts.ReluGrad(0.3, 0.01)}, layers=4,
          gain=10.0, surrogate=bts.ReluGrad()),
    fails("microvolts", "out of reach", either, "A scale given in microvolts.",
          {"surrogate": QPseudoSpike(alpha=8.0, scale=0.001 * u.mV)}, **leaky | {"neuron": "Volts",
          "gain": 2.0, "surrogate": QPseudoSpike(alpha=8.0, scale=1 * u.mV)}),
    fails("steep-sigmoid", "too high", first,
          "Training suffers if the gradient passes through the reset, with a sigmoid of slope 100.",
          {"surrogate": bts.Sigmoid(100.0), "options": (("detach", False),)}, "fzenke/spytorch#2",
          old=True, **leaky | {"layers": 1, "steps": 30, "epochs": 8,
          "surrogate": bts.Sigmoid(4.0)}),
    fails("high-recurrent", "too high|exploding", first,
          "A recurrent network with a high surrogate.", {"surrogate": QPseudoSpike(alpha=2.0,
          dampening=2.0)}, shape="recurrent", steps=60, surrogate=QPseudoSpike(alpha=8.0,
          dampening=0.2)),
    fails("high-deep", "too high|exploding", either,
          "Six layers with a high, fat surrogate.", {"surrogate": QPseudoSpike(alpha=1.0,
          dampening=3.0)}, layers=6, epochs=20, gain=10.0, surrogate=QPseudoSpike(alpha=8.0)),
    fails("triangular", "negative derivative", either,
          "Does not train with the triangular surrogate.", {"surrogate": Custom(triangular)},
          f"{TORCH}#143", layers=4, gain=10.0, surrogate=bts.Arctan()),
    fails("triangular-recurrent", "negative derivative", first,
          "A derivative of -1 above the threshold, recurrent.", {"surrogate": Custom(triangular)},
          shape="recurrent", steps=40, surrogate=bts.Arctan()),
    # The size.
    fails("two-neurons", "too small", first, "Two neurons for ten classes.", {"width": 2},
          layers=1, user=True),
    fails("bottleneck", "too small", f"{second}", "A layer of 3 neurons before ten classes.",
          {"width": 3}, user=True),
]  # fmt: skip


def healthy(name: str, **design: Any) -> Case:
    return Case(name, "none", "", Design(**design), {}, half=half_of(name))


HEALTHY = [
    healthy("plain"),
    healthy("plain-small-rates", gain=4.0),
    healthy("plain-large-rates", gain=20.0),
    healthy("plain-arctan-hard-reset", surrogate=bts.Arctan(), options=(("spk_reset", "hard"),)),
    healthy("plain-fat-tail", surrogate=QPseudoSpike(alpha=1.0)),
    healthy("plain-short-memory", tau=2.0, gain=3.0),
    healthy("plain-long-memory", tau=50.0, gain=20.0),
    healthy("one-layer", layers=1),
    healthy("four-layers", layers=4, gain=10.0),
    healthy("six-layers", layers=6, gain=10.0, epochs=20),
    healthy("one-layer-last-step", layers=1, read="last"),
    healthy("plain-last-step", read="last"),
    healthy("zero-readout", last=jnp.zeros_like),
    healthy("zero-readout-recurrent", last=jnp.zeros_like, shape="recurrent"),
    healthy("recurrent", shape="recurrent"),
    healthy("recurrent-long", shape="recurrent", layers=1, steps=100, epochs=6),
    healthy("recurrent-rows", shape="recurrent", layers=1, code="rows", steps=8, epochs=25,
          read="last", width=100),
    healthy("recurrent-sigmoid", shape="recurrent", surrogate=bts.Sigmoid()),
    healthy("convolutional", **conv),
    healthy("convolutional-batch", **conv | {"neuron": "Leaky", "gain": 2.0}),
    healthy("residual", shape="residual", layers=3, gain=5.0),
    healthy("residual-deep", shape="residual", layers=6, gain=4.0),
    healthy("residual-batch-norm", shape="residual", layers=4, norm="batch", gain=2.0),
    healthy("branches", shape="branches"),
    healthy("inhibited", shape="inhibited", layers=1),
    healthy("inhibited-two", shape="inhibited"),
    healthy("inhibited-strong", shape="inhibited", layers=1, inhibition=4.0),
    healthy("adaptive", neuron="ALIF"),
    healthy("adaptive-strong", neuron="ALIF", options=(("beta", 0.5), ("tau_a", 50.0))),
    healthy("refractory-membrane", neuron="LIFRef", options=(("tau_ref", 3.0),), gain=10.0),
    healthy("synaptic", **leaky | {"neuron": "Synaptic", "gain": 0.5}),
    healthy("leaky-sigmoid", **leaky | {"surrogate": bts.Sigmoid()}),
    healthy("exponential-membrane", neuron="Exponential", gain=2.0),
    healthy("millivolts", **leaky | {"neuron": "Volts", "gain": 2.0,
          "surrogate": QPseudoSpike(alpha=8.0, scale=1 * u.mV)}),
    healthy("batch-norm", norm="batch", gain=3.0),
    healthy("layer-norm", norm="layer", gain=2.0, layers=3),
    healthy("dropout", keep=0.8),
    healthy("dropout-half", keep=0.5, layers=3, gain=10.0),
    healthy("delayed", delay=3),
    healthy("spiking-readout", readout="spiking"),
    healthy("spiking-readout-deep", readout="spiking", layers=3, gain=10.0),
    healthy("latency", code="latency", gain=30.0, epochs=25),
    healthy("latency-recurrent", code="latency", gain=30.0, shape="recurrent", epochs=25),
    healthy("poisson", code="poisson"),
    healthy("early", code="early"),
    healthy("early-recurrent", code="early", shape="recurrent"),
    healthy("no-bias", biased=False),
]  # fmt: skip

CASES = {case.name: case for case in (*FAILURES, *HEALTHY)}
