"""Loops in parts: a training step with `save_memory` and `loop_in_parts`, by the number of parts.

The network of `long_sequences`, with 1,000 and 10,000 steps. "square root" is the default number of
parts. `checkpointed_for_loop` is brainstate's own, with its base of 16, and with a base of the
square root of the steps, which makes it two loops as well. Memory is that of the temporaries of the
compiled step, without arguments and results. Times are relative to the plain loop, also with
`save_memory`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import brainstate

from braintools_qps import loop_in_parts, save_memory

from .harness import Case, Ready, Settings
from .long_sequences import BATCH, TwoLayers
from .memory import Contestant, measured, training_step

SECONDS = 40.0  # for the rounds of a case
PLAIN = "one loop"


def square_root(step: Callable, inputs: Any) -> Any:
    base = math.isqrt(len(inputs) - 1) + 1
    return brainstate.transform.checkpointed_for_loop(step, inputs, base=base)


LOOPS = {
    PLAIN: brainstate.transform.for_loop,
    "2 parts": partial(loop_in_parts, parts=2),
    "8 parts": partial(loop_in_parts, parts=8),
    "parts, square root": loop_in_parts,
    "checkpointed_for_loop": brainstate.transform.checkpointed_for_loop,
    "checkpointed_for_loop, square root": square_root,
}


def cases(settings: Settings) -> Iterator[Case]:
    """All loops on sequences of two lengths."""
    for steps in (200,) if settings.quick else (1_000, 10_000):
        contestants = {name: partial(_ready, loop, steps) for name, loop in LOOPS.items()}
        yield Case("Training step", f"{steps:,} steps", contestants, PLAIN, seconds=SECONDS)


def _ready(loop: Callable, steps: int) -> Ready:
    contestant = Contestant(treat=save_memory, loop=loop)
    return measured(*training_step(contestant, TwoLayers, steps, BATCH))
