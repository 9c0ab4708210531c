"""The settings of a candidate: every combination of the values that are tuned."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._gradient_flow import mean_slope_at
from .contexts import seeded
from .experiment import MEAN_SLOPE, RATE, Experiment, at_setting, text_of
from .model import spiking, watched
from .typing import Setting

CALIBRATION_SEED = 0  # of the weights at which a mean slope is measured, whatever the seeds are


def settings_of(surrogates: Sequence[Surrogate], experiment: Experiment) -> list[list[Setting]]:
    """The settings of candidates, each with the dampening for its mean slope.

    It is computed at the initial weights of one seed, the same for all comparisons, from the
    population with the largest mean slope.
    """
    largest: dict[str, list[float]] = {}
    rows: list[list[Setting]] = []
    for setting in experiment.settings:
        row = [setting] * len(surrogates)
        if MEAN_SLOPE in setting:
            others = {n: value for n, value in setting.items() if n not in (RATE, MEAN_SLOPE)}
            if (key := text_of(others)) not in largest:
                changed = [at_setting(surrogate, others) for surrogate in surrogates]
                largest[key] = _largest_slopes(changed, experiment.at(others))
            row = [_lowered(setting, slope) for slope in largest[key]]
        rows.append(row)
    return [[*settings] for settings in zip(*rows)]


def _lowered(setting: Setting, slope: float) -> Setting:
    wanted = setting[MEAN_SLOPE]
    factor = min(1.0, wanted / max(slope, wanted))
    return {**setting, "dampening": float(f"{factor:.3g}")}


def _largest_slopes(surrogates: Sequence[Surrogate], experiment: Experiment) -> list[float]:
    """The largest mean slope of a population over a batch of samples, for each surrogate.

    Spikes do not depend on the surrogate, so one forward pass serves all.
    """
    task, seed = experiment.task, CALIBRATION_SEED
    rows = task.split(seed).train[: experiment.batch_size]
    inputs = jnp.asarray(task.samples.inputs[rows])
    model, _ = experiment.start(surrogates[0], seed)
    if experiment.factory.takes_surrogate:  # and may change it
        spikes = [spiking(experiment.start(surrogate, seed)[0]) for surrogate in surrogates]
    else:
        spikes = [[surrogate] * len(spiking(model)) for surrogate in surrogates]
    slopes_of = lambda number, x, _: jnp.stack([mean_slope_at(own[number], x) for own in spikes])
    with seeded(jax.random.key(seed), seed):
        shape = (len(surrogates),)
        _, slopes, _ = watched(model, inputs, jnp.arange(len(rows)), task, slopes_of, shape)
    means = np.asarray(slopes.mean(0))  # of shape (populations, surrogates)
    return [max(column[np.isfinite(column)].tolist(), default=0.0) for column in means.T]
