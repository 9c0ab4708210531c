"""Measure candidates on one forward pass. Each costs its slopes and one backward pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from .._models import batch_size, by_population
from .._surrogate import QPseudoSpike
from ..records import Activity, Gradient, Operations, PopulationFlow, Slopes
from ..typing import Inputs, Model, SpikeFunction, SurrogateSpec
from . import measures
from .cotangents import Objective
from .operations import per_sample
from .passes import passes_of, replaced, with_index
from .slopes import slope_summary, slopes_at
from .step import Arrays, Population, Spikes, Step, is_real
from .trial import Tried

SURROGATE = QPseudoSpike(alpha=8)  # lowered, it lost nothing in our study


class Wanted(NamedTuple):
    """What a user wants where something is to be changed."""

    surrogate: SurrogateSpec = SURROGATE
    rate: float | None = None

    def of(self, step: Step) -> dict[str, SpikeFunction]:
        """The surrogate of each population; its own where none is wanted for it."""
        return {**step.spikes, **by_population(self.surrogate, step.spikes)}


class ParameterGradient(NamedTuple):
    """How many elements of a parameter get no gradient, or one that is NaN or infinite."""

    position: int  # among the leaves of the states
    size: int
    zeros: int
    not_finite: int


class Gradients(NamedTuple):
    """The gradient of each population's membranes, of each parameter, and of `Step.currents`."""

    populations: list[Gradient]
    parameters: tuple[ParameterGradient, ...]
    currents: tuple[tuple[int, bool], ...]


class Measured(NamedTuple):
    """One candidate on a run: its surrogates, their slopes at each call, and the figures."""

    evaluator: Evaluator  # of the run
    spikes: Spikes
    slopes: list[Array]
    populations: tuple[PopulationFlow, ...]
    parameters: tuple[ParameterGradient, ...]
    currents: tuple[tuple[int, bool], ...]  # how far back the gradient of `Step.currents` reaches
    zero_parameter_share: float
    tried: Tried | None = None  # the trial, if there was one

    @property
    def step(self) -> Step:
        """The traced model."""
        return self.evaluator.step

    def is_flat(self, name: str) -> bool:
        """Whether the surrogate gradient of a population is 0 everywhere."""
        return not np.any(self.slopes[self.step.population(name).call])


class Evaluator:
    """A traced model that has run over some inputs, to measure candidates on that run."""

    def __init__(
        self,
        step: Step,
        inputs: Inputs,
        objective: Objective,
        model: Model | None = None,
        labels: np.ndarray | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self.step, self.inputs, self.objective, self.model = step, inputs, objective, model
        self.passes = passes_of(step)
        self.run = self.passes.forward(step.arrays, with_index(inputs))
        self.batch = batch_size(inputs)
        batched = 1 + (self.batch is not None)
        self.features = sum(int(np.prod(x.shape[batched:])) for x in self.run.inputs[1:])
        self.cotangents = objective.cotangents(step, self.run, self.batch)
        self.activities = [self._activity(i) for i in range(len(step.populations))]
        self.operations = self._operations()
        self.labels, self.wanted = labels, wanted or Wanted()

    def changed(
        self, states: Sequence[Array] | None = None, inputs: Inputs | None = None
    ) -> Evaluator:
        """The same model run with other values of its states, or over other inputs."""
        arrays = self.step.arrays
        arrays = arrays if states is None else arrays._replace(states=tuple(states))
        step = dataclasses.replace(self.step, arrays=arrays)
        inputs = self.inputs if inputs is None else inputs
        return Evaluator(step, inputs, self.objective, self.model, self.labels, self.wanted)

    def measure(self, spikes: Spikes) -> Measured:
        """All figures of one candidate."""
        slopes = self.slopes(spikes)
        gradients, parameters, currents = self._gradients_past_zeros(slopes)
        populations = tuple(
            PopulationFlow(
                name=population.name,
                kind=population.kind.__name__,
                size=self.activities[i][0],
                unit="" if population.unit.is_unitless else str(population.unit),
                activity=self.activities[i][1],
                gradient=gradients[i],
                slopes=self.slopes_of(population, spikes[population.name], slopes[population.call]),
                operations=self.operations[population.name],
            )
            for i, population in enumerate(self.step.populations)
        )
        total = sum(p.size for p in parameters)
        zero = sum(p.zeros for p in parameters) / total if total else np.nan
        return Measured(self, spikes, slopes, populations, parameters, currents, zero)

    def slopes(self, spikes: Spikes) -> list[Array]:
        """The slope at each call of a spike function, by time step along the first axis."""
        neurons = (*self.step.populations, *self.step.readouts)
        units = {neuron.name: neuron.argument_unit for neuron in neurons}
        return [
            slopes_at(spikes[name], argument, units[name])
            for name, argument in zip(self.step.callers, self.run.arguments)
        ]

    def slopes_of(
        self, population: Population, spike: SpikeFunction, slopes: Array | None = None
    ) -> Slopes:
        """The slopes that a population's membranes meet with a surrogate."""
        argument, unit = self.run.arguments[population.call], population.argument_unit
        slopes = slopes_at(spike, argument, unit) if slopes is None else slopes
        return slope_summary(spike, argument, unit, slopes)

    def real_outputs(self) -> list[np.ndarray]:
        """The outputs that an objective can have a derivative for."""
        return [np.asarray(output) for output in self.run.outputs if is_real(output)]

    def _gradients_past_zeros(self, slopes: list[Array]) -> Gradients:
        """The gradients; past weights that are all 0 and do get a gradient, as if they were not.

        A readout that begins at 0 stops the gradient of all populations, but only until the first
        step of training. Vectors come last, since most are biases, which stop nothing.
        """
        result = self._gradients(slopes, self.step.arrays)
        states, arrived = self.step.arrays.states, sum(map(_arrives, result.populations))
        if arrived == len(result.populations):
            return result
        blank = tuple(
            p.position
            for p in result.parameters
            if p.zeros < p.size and not np.any(np.asarray(states[p.position]))
        )
        for filled in dict.fromkeys((tuple(i for i in blank if states[i].ndim != 1), blank)):
            if filled:
                arrays = self.step.arrays._replace(states=tuple(self.with_random(filled)))
                past = self._gradients(slopes, arrays)
                if sum(map(_arrives, past.populations)) > arrived:
                    return past
        return result

    def with_random(self, positions: Sequence[int]) -> list[Array]:
        """The states, with random values in place of some parameters."""

        def random(position: int) -> Array:
            weights = self.step.arrays.states[position]
            values = np.random.default_rng(position).normal(size=weights.shape)
            return jnp.asarray(values / max((1, *weights.shape[:1])) ** 0.5, weights.dtype)

        return replaced(self.step.arrays.states, positions, list(map(random, positions)))

    def _gradients(self, slopes: Sequence[Array], arrays: Arrays) -> Gradients:
        result = self.passes.backward(arrays, self.run, list(slopes), self.cotangents.values)
        amplitudes, cosines = np.asarray(result.amplitudes), np.asarray(result.cosines)
        depth = self._depth_growths(amplitudes)
        gradients = [_gradient(*parts) for parts in zip(amplitudes, cosines, depth)]
        positions, states = self.step.parameters, self.step.arrays.states
        counts = zip(positions, np.asarray(result.zeros), np.asarray(result.not_finite))
        parameters = (
            ParameterGradient(i, states[i].size, int(zero), int(bad)) for i, zero, bad in counts
        )
        currents = (measures.reach(measures.second_moments(x)) for x in result.currents)
        return Gradients(gradients, tuple(parameters), tuple(currents))

    def _activity(self, index: int) -> tuple[int, Activity]:
        """The number of neurons, and their spikes."""
        fired = np.asarray(self.run.fired[index])
        batched = fired.ndim > 2 and fired.shape[1] == self.batch
        size = int(np.prod(fired.shape[1 + batched :]))
        return size, measures.activity(fired, int(batched))

    def _operations(self) -> dict[str, Operations]:
        """Operations per sample that the inputs and each population cause."""
        steps = len(self.run.inputs[0])
        sizes = {p.name: size for p, (size, _) in zip(self.step.populations, self.activities)}
        updates = {name: size * steps for name, size in sizes.items()}
        return per_sample(self.run.operations, updates, self.batch or 1)

    def counts(self) -> list[np.ndarray]:
        """Spikes of each population, summed over time."""
        return [np.asarray(fired).sum(axis=0) for fired in self.run.fired]

    def _depth_growths(self, amplitudes: np.ndarray) -> list[float]:
        """The gradient of each population, relative to the first one that it feeds."""
        names = [population.name for population in self.step.populations]
        totals = np.square(np.asarray(amplitudes, np.float64)).mean(axis=(1, 2))
        size = dict(zip(names, np.sqrt(totals)))
        ahead = {name: next(iter(self.step.graph.next_of(name)), None) for name in names}
        return [
            float(size[name] / size[after])
            if after and size[name] > 0 and size[after] > 0
            else np.nan
            for name, after in ahead.items()
        ]


def _arrives(gradient: Gradient) -> bool:
    return bool(np.any(gradient.second_moments))


def _gradient(amplitudes: np.ndarray, cosines: np.ndarray, depth: float) -> Gradient:
    moments = measures.second_moments(amplitudes)
    reach, reached_start = measures.reach(moments)
    return Gradient(
        second_moments=moments,
        growth=measures.growth_per_step(moments),
        end_to_end=measures.end_to_end(moments),
        reach=reach,
        reached_start=reached_start,
        consistency=measures.consistency(cosines, amplitudes),
        depth_growth=depth,
    )
