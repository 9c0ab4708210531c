"""A model's time step as a pure function of arrays, open at its membranes and its spikes.

The jaxpr of the model's own code is run equation by equation. Membranes are perturbed where the
step computes the value that it stores in ``V``, so the spike of the same step sees the
perturbation. A perturbation of the state between two steps would miss it: `brainpy.state.LIF`
computes its spike from a local variable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
from jax import Array

from .._jaxpr import Call, Jaxpr, Literal, Tap, origins, reached, run, weights_before


class Population(NamedTuple):
    """Neurons that share a node of the model."""

    name: str
    kind: str  # the class of the node
    spike: Any  # its surrogate, or whatever the model calls
    membrane: int  # position of V among the written states
    unit: u.Unit  # of V
    argument_unit: u.Unit | None  # of what the spike function is called with


class Arrays(NamedTuple):
    """The arrays that a step uses besides its inputs. All are arguments of compiled functions."""

    constants: Sequence[Array]
    states: Sequence[Array]  # the leaves of all states at the start


class Source(NamedTuple):
    """A state that the step touches."""

    place: Any  # its path in the model, or the state itself if the model does not hold it
    structure: Any  # of its value


@dataclass(frozen=True)
class Step:
    """One time step, on flat lists of arrays without units.

    The jaxpr takes the constants, the inputs and the leaves of all states. ``written`` and
    ``parameters`` are positions among the latter.
    """

    jaxpr: Jaxpr
    arrays: Arrays
    populations: tuple[Population, ...]  # in the order in which signals reach them
    written: tuple[int, ...]
    parameters: tuple[int, ...]
    idle_parameters: int  # elements of parameters that the step does not touch
    output_tree: Any
    callers: tuple[str, ...]  # for each call of a spike function, in order, the population
    sources: tuple[Source, ...]  # where the leaves of the states come from
    notes: tuple[str, ...] = ()

    def __call__(
        self,
        constants: Sequence[Array],
        inputs: Sequence[Array],
        states: Sequence[Array],
        perturbations: Sequence[Array] = (),
        tap: Tap | None = None,
    ) -> tuple[list[Array], list[Array], list[Call]]:
        """Outputs, the written states, and the calls of spike functions in their order.

        ``perturbations``, one for each population, are added to its membrane.
        """
        n = len(self.jaxpr.outvars) - len(self.written)
        membranes = map(self._membrane, self.populations)
        perturbed = dict(zip(membranes, perturbations))
        arguments = [*constants, *inputs, *states]
        results, calls = run(self.jaxpr, arguments, perturbed, tap or Tap())
        return results[:n], results[n:], calls

    def last_call(self, population: Population) -> int:
        """Which call of a step is a population's last.

        These spikes leave the neuron. brainpy.state's neurons spike once before, for the reset.
        """
        return max(i for i, name in enumerate(self.callers) if name == population.name)

    def input_weights(self, population: Population) -> list[int]:
        """Positions of the weights that feed a population, without a spike in between.

        Weights that act through another state, such as a synaptic current, count.
        """
        states = self.jaxpr.invars[len(self.jaxpr.invars) - len(self.arrays.states) :]
        parameters = {states[i]: i for i in self.parameters}
        written = self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]
        passed_on = [(states[i], after) for i, after in zip(self.written, written)]
        found: set[int] = set()
        results, visited = [self._membrane(population)], set[int]()
        while results:
            result = results.pop()
            if id(result) in visited or isinstance(result, Literal):
                continue
            visited.add(id(result))
            weights = weights_before(self.jaxpr, parameters, result)
            found |= {parameters[argument] for argument in weights}
            before = origins(self.jaxpr, result)
            results += [after for state, after in passed_on if state in before]
        return sorted(found)

    def in_order(self) -> tuple[Population, ...]:
        """The populations as signals reach them: by time step, and by position within a step.

        Populations that no input reaches come last.
        """
        arrivals = self._arrivals()
        key = lambda p: (arrivals.get(p.name, math.inf), self.last_call(p))
        return tuple(sorted(self.populations, key=key))

    def _arrivals(self) -> dict[str, int]:
        """For each population that the inputs reach, after how many steps they do."""
        before = len(self.jaxpr.invars) - len(self.arrays.states)
        states = self.jaxpr.invars[before:]
        written = self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]
        passed_on = [(states[i], after) for i, after in zip(self.written, written)]
        # The first input is the index of the step.
        sources = set(self.jaxpr.invars[len(self.arrays.constants) + 1 : before])
        arrivals: dict[str, int] = {}
        for steps in range(len(passed_on) + 1):
            found = {id(variable) for variable in reached(self.jaxpr, sources)}
            for population in self.populations:
                if id(self._membrane(population)) in found:
                    arrivals.setdefault(population.name, steps)
            sources |= {state for state, after in passed_on if id(after) in found}
        return arrivals

    def _membrane(self, population: Population) -> Any:
        """The variable that the step stores in its V."""
        written = self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]
        return written[population.membrane]


def is_real(x: Any) -> bool:
    """Whether it can have a derivative."""
    return jnp.issubdtype(x.dtype, jnp.floating)
