"""Measure candidates on one forward pass. Each costs its slopes and one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax.stages import Wrapped

from .._models import batch_size
from ..records import Activity, Gradient, Information, PathGains, PopulationFlow
from . import measures
from .cotangents import Objective
from .information import told
from .passes import backward, forward, with_index
from .paths import split
from .slopes import slopes_at, slopes_met
from .step import Arrays, Step
from .tracing import swapped_axes

Spikes = Mapping[str, Callable[[Any], Any]]  # the surrogate of each population


class Passes(NamedTuple):
    """The passes through one traced step, compiled once for all runs and candidates."""

    forward: Wrapped
    backward: Wrapped
    split: Wrapped
    rates: Wrapped

    @classmethod
    def of(cls, step: Step) -> Passes:
        """The passes of a step. They take its arrays as arguments."""
        return cls(*(jax.jit(partial(one, step)) for one in (forward, backward, split, _rates)))


class Measured(NamedTuple):
    """One candidate on a run: its surrogates, their slopes at each call, and the figures."""

    spikes: Spikes
    slopes: list[Array]
    populations: tuple[PopulationFlow, ...]
    zero_parameter_share: float


class Evaluator:
    """A traced model that has run over some inputs, to measure candidates on that run."""

    def __init__(
        self,
        step: Step,
        inputs: Any,
        objective: Objective,
        passes: Passes | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.step = step
        self.passes = Passes.of(step) if passes is None else passes
        self.run = self.passes.forward(step.arrays, with_index(inputs))
        self.cotangents = objective.cotangents(step, self.run)
        self.notes = (*step.notes, *swapped_axes(inputs))
        self.batch = batch_size(inputs)
        self.activities = [self._activity(i) for i in range(len(step.populations))]
        self.information: Information | None = None
        self.told: Sequence[float] = ()
        if labels is not None:
            self.information, self.told = told(inputs, self.counts(), labels)

    def measure(self, spikes: Spikes, *, paths: bool = False) -> Measured:
        """All figures of one candidate."""
        slopes = self.slopes(spikes)
        gradients, zero = self._gradients(slopes)
        parts = self._paths(slopes) if paths else [None] * len(gradients)
        populations = []
        for i, population in enumerate(self.step.populations):
            size, activity = self.activities[i]
            call = self.step.last_call(population)
            argument, unit = self.run.calls[call].argument, population.argument_unit
            spike = spikes[population.name]
            populations.append(
                PopulationFlow(
                    name=population.name,
                    kind=population.kind,
                    size=size,
                    unit="" if population.unit.is_unitless else str(population.unit),
                    activity=activity,
                    gradient=gradients[i],
                    slopes=slopes_met(spike, argument, unit, slopes[call]),
                    paths=parts[i],
                    information=self.told[i] if self.told else None,
                )
            )
        return Measured(spikes, slopes, tuple(populations), zero)

    def slopes(self, spikes: Spikes) -> list[Array]:
        """The slope at each call of a spike function, by time step along the first axis."""
        units = {population.name: population.argument_unit for population in self.step.populations}
        return [
            slopes_at(spikes[name], call.argument, units[name])
            for name, call in zip(self.step.callers, self.run.calls)
        ]

    def backward(self, slopes: Sequence[Array]) -> tuple[np.ndarray, np.ndarray, int]:
        """Amplitudes and cosines of the adjoints, and the number of parameters without gradient."""
        values = self.cotangents.values
        result = self.passes.backward(self.step.arrays, self.run, list(slopes), values)
        amplitudes, cosines = np.asarray(result.amplitudes), np.asarray(result.cosines)
        return amplitudes, cosines, int(result.zero_parameters)

    def gradients(self, slopes: Sequence[Array]) -> list[Gradient]:
        """The gradient of each population's membranes with these slopes."""
        return self._gradients(slopes)[0]

    def rates(self, arrays: Arrays, gain: float = 1.0) -> list[float]:
        """Each population's firing rate with these arrays and with the inputs times ``gain``."""
        return [float(rate) for rate in self.passes.rates(arrays, self.run.inputs, gain)]

    def _gradients(self, slopes: Sequence[Array]) -> tuple[list[Gradient], float]:
        """The gradients, and the share of the parameters that get none."""
        amplitudes, cosines, zero = self.backward(slopes)
        whole = amplitudes[..., self.cotangents.whole]
        sent_back = amplitudes[..., self.cotangents.transported]
        directions = cosines[..., self.cotangents.transported]
        depth = _depth_growths(whole)
        found = [_gradient(*one) for one in zip(whole, sent_back, directions, depth)]
        return found, self._zero_share(zero)

    def _activity(self, index: int) -> tuple[int, Activity]:
        """The number of neurons, and their spikes."""
        last = self.step.last_call(self.step.populations[index])
        spikes = np.asarray(self.run.calls[last].spikes)
        batched = spikes.ndim > 2 and spikes.shape[1] == self.batch
        size = int(np.prod(spikes.shape[1 + batched :]))
        return size, measures.activity(spikes, int(batched))

    def counts(self) -> list[np.ndarray]:
        """Spikes of each population, summed over time."""
        calls = [self.step.last_call(population) for population in self.step.populations]
        return [np.asarray(self.run.calls[call].spikes.sum(axis=0)) for call in calls]

    def _paths(self, slopes: list[Array]) -> list[PathGains]:
        parts = self.passes.split(self.step.arrays, self.run, slopes, self.cotangents.values)
        sent_back = self.cotangents.transported
        *parts, later = (np.asarray(part, np.float64)[..., sent_back] for part in parts)
        return [
            PathGains(*(measures.path_gain(part[i], later[i]) for part in parts))
            for i in range(len(self.step.populations))
        ]

    def _zero_share(self, zero: int) -> float:
        touched = sum(self.step.arrays.states[i].size for i in self.step.parameters)
        total = touched + self.step.idle_parameters
        return (zero + self.step.idle_parameters) / total if total else np.nan


def _gradient(
    whole: np.ndarray, sent_back: np.ndarray, cosines: np.ndarray, depth: float
) -> Gradient:
    moments = measures.second_moments(whole)
    transported = measures.second_moments(sent_back)
    reach, reached_start = measures.reach(transported)
    return Gradient(
        second_moments=moments,
        growth=measures.growth_per_step(transported),
        end_to_end=measures.end_to_end(moments),
        reach=reach,
        reached_start=reached_start,
        accumulation=measures.growth_per_step(moments),
        consistency=measures.consistency(cosines, sent_back),
        depth_growth=depth,
    )


def _depth_growths(amplitudes: np.ndarray) -> list[float]:
    """The gradient of each population, relative to the one that signals reach next."""
    totals = np.square(np.asarray(amplitudes, np.float64)).mean(axis=(1, 2))
    growths = [
        float(np.sqrt(here / after)) if here > 0 and after > 0 else np.nan
        for here, after in pairwise(totals)
    ]
    return [*growths, np.nan]


def _rates(step: Step, arrays: Arrays, indexed: list[Array], gain: Any) -> list[Array]:
    """Spikes per neuron and step of each population, with the inputs times ``gain``."""
    index, *inputs = indexed
    stronger = [(x * gain).astype(x.dtype) for x in inputs]
    calls = forward(step, arrays, [index, *stronger]).calls
    return [calls[step.last_call(population)].spikes.mean() for population in step.populations]
