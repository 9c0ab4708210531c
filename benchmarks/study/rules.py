"""Trainings with a dampening for each population, chosen by `normalize_surrogate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from braintools_qps import normalize_surrogate, set_surrogate
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.model import environment, seeded
from braintools_qps._comparison.programs import Programs
from braintools_qps._comparison.training import Bench

from .bench import bench_of
from .design import CANDIDATES, Cell

SAMPLES, SEED = 64, 1
# Fixed before anything was trained with them. The rule "depth" takes none.
TARGETS = {"mean_slope": 0.1, "second_moment": 0.15, "depth": None}


@dataclasses.dataclass(frozen=True)
class ByPopulation(Factory):
    """Puts a candidate into the neurons with a factor of its dampening for each population."""

    factors: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __call__(self, task: Any, surrogate: Any, options: Mapping[str, Any] = {}) -> Any:
        model = super().__call__(task, None, options)
        lowered = lambda factor: surrogate.replace(dampening=surrogate.dampening * factor)
        set_surrogate(model, {name: lowered(factor) for name, factor in self.factors.items()})
        return model


def chosen(cell: Cell) -> dict[str, float]:
    """The dampening of each population by the rule that is the cell's kind."""
    bench = bench_of(cell.task, cell.network)
    inputs = jnp.asarray(np.swapaxes(bench.task.train.inputs[:SAMPLES], 0, 1))
    with seeded(jax.random.key(SEED), SEED), environment(fit=False):
        model = bench.model(CANDIDATES[cell.candidate])
        target = TARGETS[cell.kind]
        found = normalize_surrogate(model, inputs, cell.kind, target=target, seed=SEED)
    return {name: float(one.dampening) for name, one in found.items()}


def programs(cell: Cell, dampenings: Mapping[str, float]) -> Programs:
    """Compiled for these dampenings."""
    bench: Bench = bench_of(cell.task, cell.network)
    factory = ByPopulation(bench.factory.make, bench.factory.options, factors=dampenings)
    return Programs(dataclasses.replace(bench, factory=factory), len(cell.seeds))
