"""Measure candidates on one forward pass; each takes one backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from .._models import batch_size, by_population
from .._surrogate import QPseudoSpike
from ..records import Activity, Gradient, LearningTrial, PopulationFlow, Slopes
from ..typing import Inputs, Model, SpikeFunction, SurrogateSpec
from . import measures
from .cotangents import Objective
from .loss import counted, some_of_each
from .operations import per_sample
from .passes import Forward, backward, compiled, forward, with_index
from .slopes import slope_summary, slopes_and_peaks
from .step import Spikes, Step
from .tracing import check_has_values, trace
from .trial import Trials, Tried

SURROGATE = QPseudoSpike(alpha=8)  # after normalize_surrogate it lost nothing in our study


class Wanted(NamedTuple):
    """The surrogate and rate that a user wants, and the form of the user's inputs."""

    surrogate: SurrogateSpec = SURROGATE
    rate: float | None = None
    batch_first: bool = False
    is_task: bool = False  # then code refers to the data as X, of which the task was made

    @property
    def arguments(self) -> str:
        """The first arguments of the package's functions, as code."""
        return "model, inputs" + ", batch_first=True" * (self.batch_first and not self.is_task)

    @property
    def data(self) -> str:
        """The variable that holds the data."""
        return "X" if self.is_task else "inputs"

    @property
    def time_axis(self) -> int:
        """The axis of time in the data."""
        return int(self.batch_first or self.is_task)

    def of(self, step: Step) -> dict[str, SpikeFunction]:
        """The wanted surrogate of each population; its own if none is wanted for it."""
        return {**step.spikes, **by_population(self.surrogate, step.spikes)}


USUAL = Wanted()  # where the user asks for nothing else


class Measured(NamedTuple):
    """One candidate on a run: its surrogates, their slopes at each call, and all numbers."""

    evaluator: Evaluator  # of the run
    spikes: Spikes
    slopes: list[Array]
    populations: tuple[PopulationFlow, ...]
    trials: Trials | None = None
    tried: Tried | None = None  # the trial, if there was one

    @property
    def step(self) -> Step:
        """The traced model."""
        return self.evaluator.step

    @property
    def trial(self) -> LearningTrial:
        """The trial of a candidate that had one."""
        assert self.tried is not None
        return self.tried.record


class Evaluator:
    """A traced model and its forward pass over some inputs, on which candidates are measured.

    ``ran`` are the positions of its samples among those of ``every`` input; by default all.
    """

    def __init__(
        self,
        step: Step,
        inputs: Inputs,
        objective: Objective,
        model: Model,
        labels: np.ndarray | None = None,
        wanted: Wanted = USUAL,
        ran: np.ndarray | None = None,
        every: Inputs | None = None,
    ) -> None:
        self.step, self.inputs, self.objective, self.model = step, inputs, objective, model
        self._forward, self._backward = compiled(forward, step), compiled(backward, step)
        self.run = self._forward(step.arrays, with_index(inputs))
        self.batch = batch_size(inputs)
        batched = 1 + (self.batch is not None)
        self.features = sum(int(np.prod(x.shape[batched:])) for x in self.run.inputs[1:])
        self.cotangents = objective.cotangents(step, self.run, self.batch)
        self.activities = list(map(self._activity, map(np.asarray, self.run.fired)))
        steps, sizes = len(self.run.inputs[0]), [size for size, _ in self.activities]
        updates = {p.name: size * steps for p, size in zip(step.populations, sizes)}
        # Operations per sample that the inputs and each population cause.
        self.operations = per_sample(self.run.operations, updates, self.batch or 1)
        self.labels, self.wanted = labels, wanted
        self.ran = np.arange(self.batch or 0) if ran is None else ran
        self.every = inputs if every is None else every

    def over(self, inputs: Inputs, states: Sequence[Array] | None = None) -> Forward:
        """The same model run over other inputs, perhaps with other values of its states."""
        arrays = self.step.arrays
        arrays = arrays if states is None else arrays._replace(states=tuple(states))
        return self._forward(arrays, with_index(inputs))

    def measure(self, spikes: Spikes) -> Measured:
        """Measure one candidate."""
        slopes, summaries = self.slopes(spikes)
        reduced = self._backward(self.step.arrays, self.run, slopes, self.cotangents.values)
        gradients = map(_gradient, *map(np.asarray, reduced))
        populations = tuple(
            PopulationFlow(
                name=population.name,
                kind=population.kind.__name__,
                size=size,
                unit="" if population.unit.is_unitless else str(population.unit),
                activity=activity,
                gradient=gradient,
                slopes=summaries[population.name],
                operations=self.operations[population.name],
            )
            for population, (size, activity), gradient in zip(
                self.step.populations, self.activities, gradients
            )
        )
        return Measured(self, spikes, slopes, populations)

    def slopes(self, spikes: Spikes) -> tuple[list[Array], dict[str, Slopes]]:
        """Slopes at each call of a spike function by time step, and their summary by population."""
        slopes, peaks = compiled(slopes_and_peaks, self.step, spikes)(self.run.arguments)
        return slopes, {
            p.name: slope_summary(spikes[p.name], p.argument_unit, slopes[p.call], peak)
            for p, peak in zip(self.step.populations, peaks)
        }

    def _activity(self, fired: np.ndarray) -> tuple[int, Activity]:
        """The number of neurons, and their spikes."""
        batched = fired.ndim > 2 and fired.shape[1] == self.batch
        size = int(np.prod(fired.shape[1 + batched :]))
        return size, measures.activity(fired, batched=batched)


def evaluator_of(
    model: Model,
    inputs: Inputs,
    objective: Objective,
    labels: np.ndarray | None,
    wanted: Wanted,
) -> Evaluator:
    """Run a model over a few of the samples.

    All samples are run for an objective, which may hold their labels, if inputs are NaN or
    infinite, and if the model only takes a batch of that size; a few are tried first.
    """
    check_has_values(inputs)
    batch, step, ran, every = batch_size(inputs) or 0, None, None, inputs
    few = counted(batch) if labels is None else some_of_each(labels)
    are_finite = all(np.isfinite(x).all() for x in jax.tree.leaves(inputs))
    if len(few) < batch and objective.function is None and are_finite:
        fewer = jax.tree.map(lambda x: x[:, few], inputs)
        with suppress(Exception):  # other errors than that of the batch size come again below
            step = trace(model, fewer)
            inputs, ran = fewer, few
    step = step or trace(model, inputs)
    return Evaluator(step, inputs, objective, model, labels, wanted, ran, every)


def _gradient(amplitudes: np.ndarray, cosines: np.ndarray) -> Gradient:
    moments = measures.second_moments(amplitudes)
    reach, reached_start = measures.reach(moments)
    return Gradient(
        second_moments=moments,
        growth=measures.growth_per_step(moments),
        end_to_end=measures.end_to_end(moments),
        reach=reach,
        reached_start=reached_start,
        consistency=measures.consistency(cosines, amplitudes),
    )
