"""Candidates measured on one forward pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._surrogate import QPseudoSpike, current
from ..records.flow import Adjustment, GradientFlow, PopulationFlow, mean_growth
from . import measures
from .advice import advise
from .passes import Forward, backward, slopes_of
from .step import Population, Step
from .target import adjustment

Spikes = Mapping[str, Callable[[Any], Any]]  # the surrogate of each population

# Where the peak of a derivative is looked for, in multiples of its scale.
_PROBES = np.concatenate([-np.geomspace(1e4, 1e-4, 65), [0.0], np.geomspace(1e-4, 1e4, 65)])

_UNCHANGED = {"scale": 1.0, "dampening": 1.0}
# How the peak of a derivative, dampening / scale, goes with each parameter.
_PEAK_EXPONENTS = {"scale": -1, "dampening": 1, "alpha": 0}


class Bench:
    """A run to measure candidates on; what they share is compiled once."""

    def __init__(self, step: Step, run: Forward, cotangents: list[Array], batch: int | None):
        self.step, self.run, self.batch = step, run, batch
        back = jax.jit(lambda run, cotangents, slopes: backward(step, run, slopes, cotangents))
        self.backward = partial(back, run, cotangents)

    def measure(self, name: str, spikes: Spikes, target: float | None) -> GradientFlow:
        """All figures of one candidate, and how to bring its growth to the target."""
        slopes_with = jax.jit(partial(_slopes, self.step, spikes))
        arguments = [call.argument for call in self.run.calls]
        slopes = slopes_with(arguments, **_UNCHANGED)
        result = self.backward(slopes)

        def changed(parameter: str, factor: float) -> list[Array]:
            return slopes_with(arguments, **_UNCHANGED | {parameter: factor})

        def growth_with(parameter: str, factor: float) -> float:
            return _network_growth(self.backward(changed(parameter, factor)).amplitudes)

        def flat_with(parameter: str, factor: float) -> float:
            ratio = factor ** _PEAK_EXPONENTS[parameter]
            return self._flat_share(spikes, changed(parameter, factor), slopes, ratio)

        flow = GradientFlow(
            name,
            _one_or_all(spikes),
            len(self.run.inputs[0]),
            tuple(
                self._population(spikes, slopes, amplitudes, population)
                for amplitudes, population in zip(result.amplitudes, self.step.populations)
            ),
            self._zero_share(int(result.zero_parameters)),
            () if target is None else _adjustments(spikes, growth_with, flat_with, target),
        )
        return dataclasses.replace(flow, advice=advise(flow))

    def _population(
        self, spikes: Spikes, slopes: list[Array], amplitudes: Array, population: Population
    ) -> PopulationFlow:
        last = self._last_call(population)
        call, spike = self.run.calls[last], spikes[population.name]
        return PopulationFlow(
            name=population.name,
            unit="" if population.unit.is_unitless else str(population.unit),
            **_fading(np.asarray(amplitudes)),
            **_activity(np.asarray(call.spikes), self.batch),
            **_distances(spike, call.argument, population.argument_unit, slopes[last]),
        )

    def _flat_share(
        self, spikes: Spikes, changed: list[Array], slopes: list[Array], ratio: float
    ) -> float:
        """Of the population with the largest; the peak is ``ratio`` times that of ``slopes``."""
        shares = []
        for population in self.step.populations:
            last = self._last_call(population)
            argument, unit = self.run.calls[last].argument, population.argument_unit
            peak = _peak(spikes[population.name], argument, unit, slopes[last])
            shares.append(measures.flat_share(np.asarray(changed[last]), ratio * peak))
        return max(shares)

    def _last_call(self, population: Population) -> int:
        """The last call of a step is the one whose spikes go out.

        brainpy.state's neurons call once before, for the reset.
        """
        return max(i for i, name in enumerate(self.step.callers) if name == population.name)

    def _zero_share(self, zero: int) -> float:
        touched = sum(self.step.initial[i].size for i in self.step.parameters)
        total = touched + self.step.idle_parameters
        return (zero + self.step.idle_parameters) / total if total else np.nan


def _slopes(
    step: Step,
    spikes: Spikes,
    arguments: list[Array],
    scale: Array,
    dampening: Array,
    alpha: Array | None = None,
) -> list[Array]:
    """The slope at each call, with parameters of the surrogates multiplied."""
    units = {population.name: population.argument_unit for population in step.populations}
    return [
        slopes_of(_with_alpha(spikes[name], alpha), argument, units[name], scale, dampening)
        for name, argument in zip(step.callers, arguments)
    ]


def _with_alpha(spike: Any, factor: Array | None) -> Any:
    return spike if factor is None else spike.replace(alpha=_alpha(spike) * factor)


def _alpha(spike: QPseudoSpike) -> Any:
    return current("alpha", spike.alpha)


def _adjustments(
    spikes: Spikes,
    growth_with: Callable[[str, float], float],
    flat_with: Callable[[str, float], float],
    target: float,
) -> tuple[Adjustment, ...]:
    surrogate = _one_or_all(spikes)
    parameters = ["scale", "dampening"]
    if all(isinstance(s, QPseudoSpike) and np.all(np.isfinite(_alpha(s))) for s in spikes.values()):
        parameters.append("alpha")
    found = [
        adjustment(parameter, partial(growth_with, parameter), target, surrogate)
        for parameter in parameters
    ]
    return tuple(
        a
        if a.factor is None
        else dataclasses.replace(a, flat_share=flat_with(a.parameter, a.factor))
        for a in found
    )


def _network_growth(amplitudes: Array) -> float:
    moments = map(measures.second_moments, np.asarray(amplitudes))
    return mean_growth([measures.growth_per_step(m) for m in moments])


def _fading(amplitudes: np.ndarray) -> dict[str, Any]:
    moments = measures.second_moments(amplitudes)
    steps, reached_start = measures.reach(moments)
    return {
        "second_moments": moments,
        "growth": measures.growth_per_step(moments),
        "reach": steps,
        "reached_start": reached_start,
    }


def _activity(spikes: np.ndarray, batch: int | None) -> dict[str, Any]:
    batched = spikes.ndim > 2 and spikes.shape[1] == batch
    rate, silent, saturated = measures.activity(spikes, int(batched))
    return {
        "size": int(np.prod(spikes.shape[1 + batched :])),
        "firing_rate": rate,
        "silent_share": silent,
        "saturated_share": saturated,
    }


def _distances(spike: Any, argument: Array, unit: u.Unit | None, slopes: Array) -> dict[str, Any]:
    """Where the membrane lay and how much of the surrogate's derivative it met there."""
    scale = _scale(spike, unit)
    distances = np.asarray(argument / scale, np.float64)
    edges = measures.bin_edges(distances)
    peak = _peak(spike, argument, unit, slopes)
    middles = _probe(spike, argument, unit, (edges[1:] + edges[:-1]) / 2)
    relative = middles.reshape(len(edges) - 1, -1).mean(axis=1)
    mean = float(np.mean(scale))
    return {
        "flat_share": measures.flat_share(np.asarray(slopes), peak),
        "scale": mean if unit is None else u.Quantity(mean, unit=unit),
        "distances": measures.histogram(distances, edges, relative / peak.mean()),
    }


def _scale(spike: Any, unit: u.Unit | None) -> Any:
    """What the argument is divided by to give a distance, as plain numbers in its unit."""
    scale = current("scale", spike.scale) if isinstance(spike, QPseudoSpike) else None
    if isinstance(scale, u.Quantity):
        return scale.in_unit(unit).mantissa
    return 1.0 if scale is None else scale


def _peak(spike: Any, argument: Array, unit: u.Unit | None, slopes: Array) -> np.ndarray:
    """The largest derivative of each neuron's surrogate."""
    probed = _probe(spike, argument, unit, _PROBES).max(axis=0)
    return np.maximum(probed, np.max(slopes, axis=0))


def _probe(spike: Any, argument: Array, unit: u.Unit | None, distances: np.ndarray) -> np.ndarray:
    """The derivative of each neuron's surrogate at some distances, along the first axis."""
    shape = argument.shape[1:]
    columns = distances.reshape(-1, *(1 for _ in shape))
    arguments = jnp.broadcast_to(
        jnp.asarray(columns * _scale(spike, unit), jnp.float32), (len(distances), *shape)
    )
    return np.asarray(slopes_of(spike, arguments, unit))


def _one_or_all(spikes: Spikes) -> Any:
    surrogates = tuple(spikes.values())
    return surrogates[0] if all(s is surrogates[0] for s in surrogates) else surrogates
