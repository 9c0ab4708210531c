"""The settings of a candidate: every combination of the values that are tuned."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate

from .._gradient_flow import mean_slope_at
from .contexts import seeded
from .digest import digest
from .experiment import MEAN_SLOPE, RATE, Experiment, at_setting
from .model import check_steps, watched
from .typing import Setting

CALIBRATION_SEED = 0  # of the weights at which a mean slope is measured, whatever the seeds are


def settings_of(surrogate: Surrogate, experiment: Experiment) -> list[Setting]:
    """The settings of a candidate, each with the dampening for its mean slope.

    It is computed at the initial weights of one seed, the same for all comparisons, from the
    population with the largest mean slope.
    """
    largest: dict[str, float] = {}
    settings: list[Setting] = []
    for setting in experiment.settings:
        if MEAN_SLOPE in setting:
            others = {n: value for n, value in setting.items() if n not in (RATE, MEAN_SLOPE)}
            if (key := digest(others)) not in largest:
                changed = at_setting(surrogate, others)
                largest[key] = _largest_slope(changed, experiment.at(others))
            wanted = setting[MEAN_SLOPE]
            factor = min(1.0, wanted / max(largest[key], wanted))
            setting = {**setting, "dampening": float(f"{factor:.3g}")}
        settings.append(setting)
    return settings


def _largest_slope(surrogate: Surrogate, experiment: Experiment) -> float:
    """The largest mean slope of a population over a batch of samples."""
    task, seed = experiment.task, CALIBRATION_SEED
    rows = task.split(seed).train[: experiment.batch_size]
    inputs = jnp.asarray(task.samples.inputs[rows])
    mean_slope = lambda spike, x, spikes: mean_slope_at(spike, x)
    model, _ = experiment.start(surrogate, seed)
    check_steps(model, inputs, task)
    with seeded(jax.random.key(seed), seed):
        _, slopes, _ = watched(model, inputs, jnp.arange(len(rows)), task, mean_slope)
    return max((float(slope) for slope in slopes.mean(0) if jnp.isfinite(slope)), default=0.0)
