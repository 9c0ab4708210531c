"""Long sequences: a training step with `save_memory`, with checkpoints, and with both.

64 inputs and twice 128 `brainpy.state.LIF` neurons, feed-forward, batch of 8; the loss takes the
spike counts of the second layer. With checkpoints, `loop_in_parts` stores the states every 100
steps, and the steps between are computed again on the way back. `checkpointed_for_loop` is
brainstate's own nesting of loops, with its default of 16. Memory is that of the temporaries of the
compiled step, without arguments and results. Times are relative to the plain network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from braintools_qps import loop_in_parts, save_memory

from .descent import INPUTS
from .harness import Case, Ready, Settings
from .memory import PLAIN_NETWORK, SAVED, Contestant, measured, training_step

NEURONS, BATCH = 128, 8
SECONDS = 90.0  # for the rounds of a case
BETWEEN = 100  # steps between checkpoints

LOOPS = {
    "checkpoints": lambda step, x: loop_in_parts(step, x, len(x) // BETWEEN),
    "checkpointed_for_loop": brainstate.transform.checkpointed_for_loop,
}
CONTESTANTS = {
    PLAIN_NETWORK: Contestant(),
    SAVED: Contestant(treat=save_memory),
    **{name: Contestant(loop=loop) for name, loop in LOOPS.items()},
    **{
        f"{name} and save_memory": Contestant(treat=save_memory, loop=loop)
        for name, loop in LOOPS.items()
    },
}


class TwoLayers(brainstate.nn.Module):
    """Two layers of LIF neurons; the logits are the spike counts of the second."""

    def __init__(self, contestant: Contestant, neurons: int = NEURONS):
        super().__init__()
        lif = lambda: brainpy.state.LIF(neurons, tau=10 * u.ms, spk_fun=contestant.surrogate)
        self.input, self.early = brainstate.nn.Linear(INPUTS, neurons), lif()
        self.across, self.late = brainstate.nn.Linear(neurons, neurons), lif()

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.logits = brainstate.HiddenState(jnp.zeros((batch_size, *self.late.varshape)))

    def update(self, x: jax.Array) -> None:
        spikes = self.early(10 * self.input(x) * u.mA)
        self.logits.value += self.late(10 * self.across(spikes) * u.mA)


def cases(settings: Settings) -> Iterator[Case]:
    """All contestants on sequences of two lengths."""
    for steps in (500,) if settings.quick else (5_000, 10_000):
        prepare = lambda contestant, steps=steps: lambda: _ready(contestant, steps)
        contestants = {name: prepare(contestant) for name, contestant in CONTESTANTS.items()}
        yield Case("Training step", f"{steps:,} steps", contestants, PLAIN_NETWORK, seconds=SECONDS)


def _ready(contestant: Contestant, steps: int) -> Ready:
    return measured(*training_step(contestant, TwoLayers, steps, BATCH))
