"""Numbers of a surrogate on a network before training: of its slopes and of the gradient."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from braintools_qps import gradient_flow
from braintools_qps._comparison.model import environment, seeded
from braintools_qps._comparison.tuning import at_setting
from braintools_qps._gradient_flow.evaluate import Evaluator, evaluator
from braintools_qps._gradient_flow.given import Sought
from braintools_qps._gradient_flow.loss import Followed
from braintools_qps._gradient_flow.tracing import trace

from .bench import bench_of
from .design import CANDIDATES, Cell

SAMPLES, DRAWS, DIGITS = 64, 8, 4
NUMBERS = (
    "growth", "reach", "consistency", "mean_slope", "square_slope", "share", "half_share", "size",
)  # fmt: skip


def measured(cell: Cell) -> dict[str, Any]:
    """Each of `NUMBERS`, in the shape of the cell's settings: means over its seeds.

    ``square_slope`` is the mean of G squared, ``share`` what `gradient_flow`'s ``flat_share``
    leaves, ``size`` the root mean square of dL/dV over all steps; the others are the flow's own. Of
    several populations, the mean.
    """
    start = time.process_time()
    found = np.nanmean([_of_seed(cell, seed) for seed in cell.seeds], axis=0)
    shape = [len(v) for _, v in cell.settings if isinstance(v, tuple)]
    digits = lambda x: float(f"{x:.{DIGITS}g}") if np.isfinite(x) else None
    kept = {
        name: np.reshape([digits(x) for x in column], shape).tolist()
        for name, column in zip(NUMBERS, found.T)
    }
    return kept | {"cpu_seconds": round(time.process_time() - start, 1)}


def proposed(cell: Cell) -> dict[str, Any]:
    """Growth as it is, and by parameter the factor that brings it to 1 with what it attains."""
    start = time.process_time()
    of_training = bench_of(cell.task, cell.network)
    inputs = jnp.asarray(np.swapaxes(of_training.task.train.inputs[:SAMPLES], 0, 1))
    (seed,) = cell.seeds
    with seeded(jax.random.key(seed), seed), environment(fit=False):
        model = of_training.model(CANDIDATES[cell.candidate])
        flow = gradient_flow(model, inputs, seed=seed)["model"]
    factors = {one.parameter: one.factor for one in flow.adjustments}
    highest = [one.attainable[1] for one in flow.adjustments]
    return {
        "growth": round(flow.growth, DIGITS),
        "factors": factors,
        "highest": round(max(highest), DIGITS) if highest else None,
        "cpu_seconds": round(time.process_time() - start, 1),
    }


def _of_seed(cell: Cell, seed: int) -> list[list[float]]:
    surrogate = CANDIDATES[cell.candidate]
    of_training = bench_of(cell.task, cell.network)
    inputs = jnp.asarray(np.swapaxes(of_training.task.train.inputs[:SAMPLES], 0, 1))
    with seeded(jax.random.key(seed), seed), environment(fit=False):
        step = trace(of_training.model(surrogate), inputs)
        measured = evaluator(step, inputs, Followed(draws=DRAWS, seed=seed), Sought())
        return [_numbers(measured, at_setting(surrogate, setting)) for setting in cell.runs]


def _numbers(evaluator: Evaluator, surrogate: Any) -> list[float]:
    step = evaluator.step
    spikes = {population.name: surrogate for population in step.populations}
    flow = evaluator.measure("", spikes)
    slopes = evaluator.slopes(spikes)
    met = [np.asarray(slopes[step.last_call(p)], np.float64) for p in step.populations]
    mean = lambda name: np.mean([getattr(p, name) for p in flow.populations])
    return [
        flow.growth, flow.reach, mean("consistency"), mean("mean_slope"),
        np.mean([np.mean(one**2) for one in met]), 1 - mean("flat_share"), mean("half_share"),
        np.sqrt(np.mean([p.second_moments.mean() for p in flow.populations])),
    ]  # fmt: skip
