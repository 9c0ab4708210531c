"""Candidates measured on one forward pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jax import Array

from .._models import batch_size
from ..records import (
    Adjustment,
    GradientFlow,
    PathGains,
    PopulationFlow,
    RateAdjustment,
    mean_growth,
)
from . import measures, membrane
from .advice import MANY, advise
from .given import Sought
from .loss import Followed, Loss
from .passes import Forward, with_index
from .programs import Programs, programs
from .rates import rate_adjustment
from .slopes import has_alpha, slopes
from .step import Population, Step
from .suspicion import suspicions
from .target import Measured, adjustment

Spikes = Mapping[str, Callable[[Any], Any]]  # the surrogate of each population

# How the peak of a derivative, dampening / scale, goes with each parameter.
_PEAK_EXPONENTS = {"scale": -1, "dampening": 1, "alpha": 0}


def evaluator(step: Step, inputs: Any, followed: Followed, sought: Sought) -> Evaluator:
    """Run a model that has been traced, and measure candidates on that run."""
    compiled = programs(step)
    run = compiled.forward(step.arrays, with_index(inputs))
    loss, notes = followed.through(step, run), (*step.notes, *suspicions(inputs))
    return Evaluator(step, compiled, run, loss, batch_size(inputs), sought, notes)


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """A run to measure candidates on; what does not depend on them is measured once."""

    step: Step
    programs: Programs
    run: Forward
    loss: Loss
    batch: int | None
    sought: Sought
    notes: tuple[str, ...]

    def measure(self, name: str, spikes: Spikes) -> GradientFlow:
        """All figures of one candidate, and how to bring its growth to the target."""
        slopes = self.slopes(spikes)
        amplitudes, cosines, zero = self.backward(slopes)
        populations = self._populations(spikes, slopes, amplitudes, cosines)
        steps, surrogate = len(self.run.inputs[0]), _one_or_all(spikes)
        flow = GradientFlow(name, surrogate, steps, populations, self._zero_share(zero))
        if self.sought.target is not None and _is_adjustable(flow):
            found = self._adjustments(spikes, slopes, self.sought.target)
            flow = dataclasses.replace(flow, adjustments=found)
        return dataclasses.replace(flow, advice=self.notes + advise(flow), notes=self.notes)

    def _populations(
        self,
        spikes: Spikes,
        slopes: list[Array],
        amplitudes: np.ndarray,
        cosines: np.ndarray,
    ) -> tuple[PopulationFlow, ...]:
        whole, sent_back = amplitudes[..., self.loss.whole], self.loss.transported
        depth = self._depth_growths(whole)
        parts = self._paths(slopes) if self.sought.paths else [None] * len(depth)
        return tuple(
            PopulationFlow(
                **known,
                **_fading(whole[i], amplitudes[i][:, sent_back], cosines[i][:, sent_back]),
                **self._slopes_met(spikes, slopes, population),
                depth_growth=depth[i],
                paths=parts[i],
            )
            for i, (known, population) in enumerate(zip(self.shared, self.step.populations))
        )

    def slopes(
        self, spikes: Spikes, parameter: str = "dampening", factor: Any = 1.0
    ) -> list[Array]:
        """The slope at each call, with a parameter multiplied.

        ``factor`` is a number, or a mapping with one for each population.
        """
        units = {population.name: population.argument_unit for population in self.step.populations}
        own = lambda name: factor[name] if isinstance(factor, Mapping) else factor
        return [
            slopes(spikes[name], call.argument, units[name], **{parameter: own(name)})
            for name, call in zip(self.step.callers, self.run.calls)
        ]

    def backward(self, slopes: list[Array]) -> tuple[np.ndarray, np.ndarray, int]:
        """Amplitudes and cosines of the run's adjoints with these slopes, and idle parameters."""
        arguments = self.step.arrays, self.run, slopes, self.loss.cotangents
        result = self.programs.backward(*arguments)
        amplitudes, cosines = np.asarray(result.amplitudes), np.asarray(result.cosines)
        return amplitudes, cosines, int(result.zero_parameters)

    @cached_property
    def shared(self) -> tuple[dict[str, Any], ...]:
        """What is the same for all candidates, by population."""
        return tuple(self._activity(i) for i in range(len(self.step.populations)))

    def _activity(self, index: int) -> dict[str, Any]:
        population = self.step.populations[index]
        spikes = np.asarray(self.run.calls[self.step.last_call(population)].spikes)
        batched = spikes.ndim > 2 and spikes.shape[1] == self.batch
        rate, silent, saturated = measures.activity(spikes, int(batched))
        return {
            "name": population.name,
            "kind": population.kind,
            "unit": "" if population.unit.is_unitless else str(population.unit),
            "size": int(np.prod(spikes.shape[1 + batched :])),
            "firing_rate": rate,
            "silent_share": silent,
            "saturated_share": saturated,
            "rate_adjustment": self._rate_adjustment(index, rate, silent, saturated),
        }

    def _rate_adjustment(
        self, index: int, rate: float, silent: float, saturated: float
    ) -> RateAdjustment | None:
        """Up for a silent population that fires too little, down for a saturated one."""
        wanted = self.sought.rate
        if wanted is None:
            return None
        if (silent > MANY and rate < wanted) or (saturated > MANY and rate > wanted):
            return rate_adjustment(self.step, self.programs, self.run, index, wanted)
        return None

    def _slopes_met(
        self, spikes: Spikes, slopes: list[Array], population: Population
    ) -> dict[str, Any]:
        last = self.step.last_call(population)
        argument, met = self.run.calls[last].argument, slopes[last]
        return {
            "mean_slope": float(np.mean(np.asarray(met, np.float64))),
            "half_share": measures.half_share(np.asarray(met)),
            **membrane.distances(spikes[population.name], argument, population.argument_unit, met),
        }

    def _depth_growths(self, amplitudes: np.ndarray) -> list[float]:
        """For each population, relative to the one that signals reach next."""
        names = [population.name for population in self.step.populations]
        squares = np.square(np.asarray(amplitudes, np.float64))
        totals = dict(zip(names, squares.mean(axis=(1, 2)).tolist()))
        growths = dict.fromkeys(names, np.nan)
        for here, after in pairwise(names):
            if totals[here] > 0 and totals[after] > 0:
                growths[here] = float(np.sqrt(totals[here] / totals[after]))
        return list(growths.values())

    def _paths(self, slopes: list[Array]) -> list[PathGains]:
        arguments = self.step.arrays, self.run, slopes, self.loss.cotangents
        split = self.programs.split(*arguments)
        *parts, later = (np.asarray(part, np.float64)[..., self.loss.transported] for part in split)
        return [
            PathGains(*(measures.path_gain(part[i], later[i]) for part in parts))
            for i in range(len(self.step.populations))
        ]

    def _adjustments(
        self, spikes: Spikes, slopes: list[Array], target: float
    ) -> tuple[Adjustment, ...]:
        parameters = ["dampening", "scale"]
        if all(map(has_alpha, spikes.values())):
            parameters.append("alpha")
        return tuple(self._adjustment(name, spikes, slopes, target) for name in parameters)

    def _adjustment(
        self, parameter: str, spikes: Spikes, slopes: list[Array], target: float
    ) -> Adjustment:
        def measure(factor: float) -> Measured:
            amplitudes, cosines, _ = self.backward(self.slopes(spikes, parameter, factor))
            sent_back = self.loss.transported
            return _measured(amplitudes[..., sent_back], cosines[..., sent_back])

        found = adjustment(parameter, measure, target, _one_or_all(spikes))
        if found.factor is None:
            return found
        ratio = found.factor ** _PEAK_EXPONENTS[parameter]
        changed = self.slopes(spikes, parameter, found.factor)
        flat = self._flat_share(spikes, changed, slopes, ratio)
        return dataclasses.replace(found, flat_share=flat)

    def _flat_share(
        self, spikes: Spikes, changed: list[Array], slopes: list[Array], ratio: float
    ) -> float:
        """The largest of any population; the peak is ``ratio`` times that of ``slopes``."""
        shares = []
        for population in self.step.populations:
            last = self.step.last_call(population)
            argument, unit = self.run.calls[last].argument, population.argument_unit
            peak = membrane.peak(spikes[population.name], argument, unit, slopes[last])
            shares.append(measures.flat_share(np.asarray(changed[last]), ratio * peak))
        return max(shares)

    def _zero_share(self, zero: int) -> float:
        touched = sum(self.step.arrays.states[i].size for i in self.step.parameters)
        total = touched + self.step.idle_parameters
        return (zero + self.step.idle_parameters) / total if total else np.nan


def _is_adjustable(flow: GradientFlow) -> bool:
    """No candidate is looked for while populations are silent, saturated or without a gradient."""
    return all(
        np.isfinite(p.growth) and max(p.silent_share, p.saturated_share) <= MANY
        for p in flow.populations
    )


def _measured(amplitudes: np.ndarray, cosines: np.ndarray) -> Measured:
    growths = [measures.growth_per_step(measures.second_moments(one)) for one in amplitudes]
    directions = [measures.consistency(c, a) for c, a in zip(cosines, amplitudes)]
    return Measured(mean_growth(growths), min(directions))


def _fading(whole: np.ndarray, transported: np.ndarray, cosines: np.ndarray) -> dict[str, Any]:
    moments = measures.second_moments(whole)
    sent_back = measures.second_moments(transported)
    steps, reached_start = measures.reach(sent_back)
    deviation, phases = measures.growth_phases(sent_back)
    return {
        "second_moments": moments,
        "growth": measures.growth_per_step(sent_back),
        "accumulation": measures.growth_per_step(moments),
        "deviation": deviation,
        "phases": phases,
        "reach": steps,
        "reached_start": reached_start,
        "consistency": measures.consistency(cosines, transported),
    }


def _one_or_all(spikes: Spikes) -> Any:
    surrogates = tuple(spikes.values())
    return surrogates[0] if all(s is surrogates[0] for s in surrogates) else surrogates
