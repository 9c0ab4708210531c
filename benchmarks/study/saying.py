"""What `gradient_flow` and `normalize_surrogate` say of a model before training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps import gradient_flow, normalize_surrogate
from braintools_qps._comparison.model import environment, seeded
from braintools_qps._gradient_flow.tracing import trace
from braintools_qps._surrogate import adjusted
from braintools_qps.records import GradientFlow

from .prepared import Change, Start, prepared, weights_of
from .rules import SAMPLES, SEED, TARGETS

STEEPER = np.geomspace(1.0, 16.0, 25)  # the search of old: as coarse, and with no end at a turn


class Said:
    """Everything that is said of a start, at the weights of one seed."""

    def __init__(self, start: Start) -> None:
        self.start = start
        bench = prepared(start, Change({}), free=True)
        self.inputs = jnp.asarray(np.swapaxes(bench.task.train.inputs[:SAMPLES], 0, 1))
        with seeded(jax.random.key(SEED), SEED), environment(fit=False):
            self.model = bench.model(start.surrogate)
            self.step = trace(self.model, self.inputs)

    @cached_property
    def flow(self) -> GradientFlow:
        """As a user gets it."""
        with seeded(jax.random.key(SEED), SEED), environment(fit=False):
            return gradient_flow(self.model, self.inputs, seed=SEED)["model"]

    @property
    def names(self) -> list[str]:
        """Of the populations."""
        return [population.name for population in self.flow.populations]

    def everywhere(self, surrogate: Surrogate) -> dict[str, Surrogate]:
        """One surrogate for all populations; of several, one for each."""
        several = isinstance(surrogate, tuple)
        return dict(zip(self.names, surrogate if several else itertools.repeat(surrogate)))

    def by_rule(self) -> dict[str, Change]:
        """What each rule of `normalize_surrogate` gives, unless it refuses."""
        found = {}
        for rule, target in TARGETS.items():
            with seeded(jax.random.key(SEED), SEED), environment(fit=False):
                try:
                    chosen = normalize_surrogate(
                        self.model, self.inputs, rule, target=target, seed=SEED
                    )
                except ValueError:
                    continue
            found[rule] = Change(chosen)
        return found

    def raised(self) -> dict[str, Surrogate]:
        """One mean slope everywhere, whether a dampening falls for it or rises."""
        wanted = TARGETS["mean_slope"]
        factors = {p.name: wanted / p.mean_slope for p in self.flow.populations}
        return {
            name: adjusted(self.start.surrogate, dampening=float(f"{factor:.4g}"))
            for name, factor in factors.items()
        }

    def firing(self) -> dict[str, Change]:
        """What brings silent and saturated populations to a firing rate, each way by itself."""
        kept, ways = self.everywhere(self.start.surrogate), {}
        for population in self.flow.populations:
            found = population.rate_adjustment
            if found is None:
                continue
            if found.input_gain is not None:
                ways[f"inputs for {population.name}"] = Change(kept, inputs=found.input_gain)
            if found.weight_gain is not None:
                weights = dict.fromkeys(self._input_weights(population.name), found.weight_gain)
                ways[f"weights of {population.name}"] = Change(kept, weights=weights)
            if found.threshold_change is not None:
                shift = {population.name: float(found.threshold_change)}
                ways[f"threshold of {population.name}"] = Change(kept, thresholds=shift)
        return ways

    def past_the_turn(self) -> dict[str, Surrogate]:
        """Each population steepened, the last first, until its growth is 1: proposals of old."""
        chosen = self.everywhere(self.start.surrogate)
        for name in reversed(self.names):
            tried = {
                f"{factor:g}": chosen | {name: adjusted(chosen[name], dampening=factor)}
                for factor in STEEPER
            }
            with seeded(jax.random.key(SEED), SEED), environment(fit=False):
                flows = gradient_flow(
                    self.model, self.inputs, surrogates=tried, seed=SEED, target=None, rate=None
                )
            growths = [_growth(flows[label], name) for label in tried]
            chosen[name] = adjusted(chosen[name], dampening=crossing(STEEPER, growths))
        return chosen

    def _input_weights(self, name: str) -> list[str]:
        """Names of the weights that go into a population."""
        (population,) = (p for p in self.step.populations if p.name == name)
        known = {id(state): [] for _, state, _ in weights_of(self.model)}
        for weight, state, _ in weights_of(self.model):
            known[id(state)].append(weight)
        states = brainstate.graph.states(self.model)
        names: list[str | None] = []
        for source in self.step.sources:
            state = states.get(source.place) if isinstance(source.place, tuple) else source.place
            leaves = source.structure.num_leaves
            names += known.get(id(state), [None] * leaves)
        return [names[place] for place in self.step.input_weights(population)]


def _growth(flow: GradientFlow, name: str) -> float:
    (found,) = (p.growth for p in flow.populations if p.name == name)
    return found


def crossing(factors: Sequence[float], growths: Sequence[float]) -> float:
    """The first factor of a grid at which the growth passes 1, or 1 where none does."""
    logs = np.log(np.asarray(growths, float))
    for (a, low), (b, high) in itertools.pairwise(zip(factors, logs)):
        if low * high <= 0 and low != high:
            share = low / (low - high)
            return float(f"{math.exp(math.log(a) + share * math.log(b / a)):.4g}")
    return 1.0
