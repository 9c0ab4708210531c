"""Networks: a training step of brainpy.state.LIF neurons.

Forward, backward and the update of the weights, compiled, batch of 64. The bound is a surrogate
whose derivative is 1, so that "above bound" is the share of the step that the surrogate takes.
braintools' class is there with the float 2.0, its default, and with the integer 2, which XLA turns
into products. Memory is the total that the compiled step holds: arguments, results and
temporaries. All contestants start from the same weights; the time does not depend on the spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import brainpy.state
import brainstate
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp

from braintools_qps import QPseudoSpike, save_memory

from .descent import BATCH, CLASSES, INPUTS, descent, spike_trains
from .harness import Case, Ready, Settings, compiled

NEURONS, STEPS = 256, 100  # where they are not the subject
SECONDS = 60.0  # for the rounds of a case
BASELINE, INTEGER = "braintools QPseudoSpike(2.0)", "braintools QPseudoSpike(2)"
SAVED = "QPseudoSpike(2), save_memory"


@jax.custom_jvp
def straight_through(x: jax.Array) -> jax.Array:
    """A spike with derivative 1: nothing to compute, nothing to store."""
    return (x >= 0).astype(x.dtype)


straight_through.defjvp(lambda primals, tangents: (straight_through(*primals), *tangents))


class Classifier(brainstate.nn.Module):
    """Input current, LIF neurons, perhaps recurrent, and a readout of their firing rates."""

    def __init__(self, neurons: int, surrogate: Callable, recurrent: bool):
        super().__init__()
        self.input = brainstate.nn.Linear(INPUTS, neurons)
        self.recurrent = brainstate.nn.Linear(neurons, neurons) if recurrent else None
        self.neurons = brainpy.state.LIF(neurons, tau=10 * u.ms, spk_fun=surrogate)
        self.readout = brainstate.nn.Linear(neurons, CLASSES)

    def update(self, inputs: jax.Array) -> jax.Array:
        """Logits of inputs of shape (steps, batch, INPUTS)."""
        silence = jnp.zeros((inputs.shape[1], *self.neurons.varshape))
        _, spikes = brainstate.transform.scan(self._step, silence, inputs)
        return self.readout(spikes.mean(axis=0))

    def _step(self, spikes, inputs):
        current = self.input(inputs)
        if self.recurrent is not None:
            current = current + self.recurrent(spikes)
        spikes = self.neurons(current * u.mA)
        return spikes, spikes


def cases(settings: Settings) -> Iterator[Case]:
    """All contestants at one size; then a few with other networks and a longer sequence."""
    neurons = (32,) if settings.quick else (32, 1024)
    steps = (50,) if settings.quick else (1000,)
    for recurrent in (False, True):
        kind = "Recurrent" if recurrent else "Feed-forward"
        yield _case(f"{kind} training step", _everyone(), NEURONS, STEPS, recurrent)
        for count in neurons:
            yield _case(f"{kind}, by neurons", _few(), count, STEPS, recurrent)
        for count in steps:
            yield _case(f"{kind}, by steps", _few(), NEURONS, count, recurrent)


def training_step(
    surrogate: Callable, neurons: int, steps: int, recurrent: bool, saves_memory: bool = False
) -> Ready:
    """One step of gradient descent on random spike trains."""
    with brainstate.environ.context(dt=1.0 * u.ms):
        brainstate.random.seed(0)
        network = Classifier(neurons, surrogate, recurrent)
        data = spike_trains(steps)
        if saves_memory:
            brainstate.nn.init_all_states(network, BATCH)
            save_memory(network, data[0])
        compile, arguments = descent(network, network, data)
        return compiled(compile, *arguments)


def _few() -> dict[str, Any]:
    return {
        "derivative 1": straight_through,
        "QPseudoSpike(2)": QPseudoSpike(2.0),
        BASELINE: braintools.surrogate.QPseudoSpike(2.0),
        INTEGER: braintools.surrogate.QPseudoSpike(2),
        "braintools ReluGrad()": braintools.surrogate.ReluGrad(),
    }


def _everyone() -> dict[str, Any]:
    return _few() | {
        "QPseudoSpike(1.7)": QPseudoSpike(1.7),
        "QPseudoSpike(2, uint8 residual)": QPseudoSpike(2.0, residual_dtype="uint8"),
        "QPseudoSpike(2, bfloat16 residual)": QPseudoSpike(2.0, residual_dtype="bfloat16"),
        "braintools Sigmoid()": braintools.surrogate.Sigmoid(),
        SAVED: QPseudoSpike(2.0),
        "braintools S2NN()": braintools.surrogate.S2NN(),
    }


def _case(table, surrogates, neurons: int, steps: int, recurrent: bool) -> Case:
    def prepare(name: str, surrogate: Any) -> Callable[[], Ready]:
        return lambda: training_step(surrogate, neurons, steps, recurrent, name == SAVED)

    contestants = {name: prepare(name, surrogate) for name, surrogate in surrogates.items()}
    work = f"{neurons} neurons, {steps} steps"
    return Case(table, work, contestants, "derivative 1", BASELINE, seconds=SECONDS)
