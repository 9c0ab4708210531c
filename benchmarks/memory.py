"""Memory: a training step of brainpy.state.LIF neurons, before and after `save_memory`.

Forward, backward and the update of the weights, batch of 64 where no other is named, with a readout
in every step and a loop over single steps, as brainstate's models are written. Memory is that of
the temporaries of the compiled step, without arguments and results; it does not depend on the load
of the machine. Times are relative to the plain network.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike, save_memory

from .descent import BATCH, CLASSES, INPUTS, descent, spike_trains
from .harness import Case, Ready, Settings, compiled

NEURONS, STEPS = 256, 50  # where they are not the subject
FEWER, LONGER = 16, 500  # samples, where these are the subject, and their steps
CHANNELS, FRAMES = 32, 20  # of the convolutional network, and its steps
SECONDS = 6.0  # for the rounds of a case
PLAIN_NETWORK, SAVED = "plain", "save_memory"
PLAIN = QPseudoSpike(2.0)


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A surrogate, a treatment of the network, such as `save_memory`, and the loop over time."""

    surrogate: Any = PLAIN
    treat: Callable[[Any, Any], Any] = lambda network, x: None
    loop: Callable = brainstate.transform.for_loop


CONTESTANTS = {PLAIN_NETWORK: Contestant(), SAVED: Contestant(treat=save_memory)}


class Network(brainstate.nn.Module):
    """Input current, LIF neurons, perhaps recurrent, and a readout summed over the steps."""

    def __init__(self, contestant: Contestant, neurons: int, recurrent: bool):
        super().__init__()
        self.input = brainstate.nn.Linear(INPUTS, neurons)
        self.recurrent = brainstate.nn.Linear(neurons, neurons) if recurrent else None
        self.neurons = brainpy.state.LIF(neurons, tau=10 * u.ms, spk_fun=contestant.surrogate)
        self.readout = brainstate.nn.Linear(neurons, CLASSES)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        if self.recurrent is not None:
            self.spikes = brainstate.HiddenState(jnp.zeros((batch_size, *self.neurons.varshape)))
        self.logits = brainstate.HiddenState(jnp.zeros((batch_size, CLASSES)))

    def update(self, x: jax.Array) -> None:
        current = self.input(x)
        if self.recurrent is not None:
            current = current + self.recurrent(self.spikes.value)
        spikes = self.neurons(current * u.mA)
        if self.recurrent is not None:
            self.spikes.value = spikes
        self.logits.value += self.readout(spikes)


class Convolutional(brainstate.nn.Module):
    """Images of 8 x 8, two convolutional layers of LIF neurons, and a readout in every step."""

    def __init__(self, contestant: Contestant):
        super().__init__()
        neurons = lambda size: brainpy.state.LIF(size, tau=10 * u.ms, spk_fun=contestant.surrogate)
        self.first = brainstate.nn.Conv2d((8, 8, 1), CHANNELS, 3)
        self.early = neurons(self.first.out_size)
        self.second = brainstate.nn.Conv2d(self.early.varshape, CHANNELS, 3, stride=2)
        self.late = neurons(self.second.out_size)
        self.readout = brainstate.nn.Linear(math.prod(self.late.varshape), CLASSES)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.logits = brainstate.HiddenState(jnp.zeros((batch_size, CLASSES)))

    def update(self, x: jax.Array) -> None:
        spikes = self.early(10 * self.first(x.reshape(-1, 8, 8, 1)) * u.mA)
        spikes = self.late(10 * self.second(spikes) * u.mA)
        self.logits.value += self.readout(spikes.reshape(len(spikes), -1))


def cases(settings: Settings) -> Iterator[Case]:
    """One size; then longer sequences and larger networks."""
    steps = (50,) if settings.quick else (50, 200, 500, 1000, 2000)
    neurons = (128,) if settings.quick else (128, 512, 1024, 2048, 4096)
    for recurrent in (False, True):
        kind = "Recurrent" if recurrent else "Feed-forward"
        yield _dense(f"{kind} training step", NEURONS, 200, recurrent)
        for count in steps:
            yield _dense(f"{kind}, by steps", NEURONS, count, recurrent)
        for count in neurons:
            yield _dense(f"{kind}, by neurons", count, STEPS, recurrent)
        for count in (64, 128, 256):
            yield _dense(f"{kind}, by neurons", count, LONGER, recurrent, FEWER)
    work = f"8 x 8 and 4 x 4 neurons of {CHANNELS} channels, {FRAMES} steps"
    yield _case("Convolutional training step", Convolutional, FRAMES, work)


def training_step(
    contestant: Contestant, make: Callable[[Contestant], Any], steps: int, batch: int = BATCH
) -> tuple[Any, tuple]:
    """One step of gradient descent on random spike trains, compiled, and its arguments."""
    return compiled_step(contestant, lambda: make(contestant), spike_trains(steps, batch))


def compiled_step(
    contestant: Contestant, make: Callable[[], Any], data: tuple[jax.Array, jax.Array]
) -> tuple[Any, tuple]:
    """The same for a network that adds up its logits over the steps."""
    with brainstate.environ.context(dt=1.0 * u.ms, fit=True):
        brainstate.random.seed(0)
        network = make()
        contestant.treat(network, data[0])

        def logits(inputs):
            contestant.loop(network, inputs)
            return network.logits.value / len(inputs)

        compile, arguments = descent(network, logits, data)
        return compile(), arguments


def _dense(table: str, neurons: int, steps: int, recurrent: bool, batch: int = BATCH) -> Case:
    make = partial(Network, neurons=neurons, recurrent=recurrent)
    samples = f", batch of {batch}" * (batch != BATCH)
    return _case(table, make, steps, f"{neurons} neurons, {steps} steps{samples}", batch)


def _case(
    table: str, make: Callable[[Contestant], Any], steps: int, work: str, batch: int = BATCH
) -> Case:
    ready = lambda contestant: measured(*training_step(contestant, make, steps, batch))
    contestants = {name: partial(ready, contestant) for name, contestant in CONTESTANTS.items()}
    return Case(table, work, contestants, PLAIN_NETWORK, seconds=SECONDS)


def measured(executable: Any, arguments: tuple) -> Ready:
    """A compiled step with the memory of its temporaries."""
    ready = compiled(lambda: executable, *arguments)
    temporary = executable.memory_analysis().temp_size_in_bytes
    return dataclasses.replace(ready, compile_s=None, memory_bytes=temporary)
