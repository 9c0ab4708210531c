"""A cue, to be named after a delay full of noise."""

from __future__ import annotations

import numpy as np

from .task import SPLIT_SEED, Task, make_task

CUES = 4
SAMPLES = 2000
CUE_STEPS = 4
DELAY_STEPS = 20
RECALL_STEPS = 4
NOISE = 0.3


def cue_recall() -> Task:
    """Which of four inputs was on at the start, asked for after the delay.

    The answer is read only then, from the spikes of those last steps, so that it is the network
    that has to remember.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    labels = rng.permutation(np.arange(SAMPLES) % CUES)
    steps = CUE_STEPS + DELAY_STEPS + RECALL_STEPS
    X = NOISE * rng.standard_normal((SAMPLES, steps, CUES + 1)).astype(np.float32)
    X[np.arange(SAMPLES), :CUE_STEPS, labels] += 1
    X[:, -RECALL_STEPS:, CUES] += 1  # the question
    return make_task("cue-recall", X, labels, readout_steps=RECALL_STEPS)
