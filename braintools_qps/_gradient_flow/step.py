"""A model's time step as a pure function of arrays, open at its membranes and its spikes.

The jaxpr of the model's own code is run equation by equation. Membranes are perturbed where the
step computes the value that it stores in ``V``, so the spike of the same step sees the
perturbation. A perturbation of the state between two steps would miss it: `brainpy.state.LIF`
computes its spike from a local variable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import PyTreeDef

from .._jaxpr import PRODUCTS, Jaxpr, Tap, Var, run
from ..typing import SpikeFunction
from .graph import Graph, graph_of


class Population(NamedTuple):
    """Neurons that share a node of the model."""

    name: str
    kind: str  # the class of the node
    spike: SpikeFunction  # its surrogate, or whatever the model calls
    membrane: int  # position of V among the written states
    unit: u.Unit  # of V
    argument_unit: u.Unit | None  # of what the spike function is called with
    call: int  # the call whose argument is the new membrane, among all calls of a step
    spikes: Var  # the variable of the spikes that leave the neuron
    code: str  # an expression for its spike function, from ``model``


class Arrays(NamedTuple):
    """The arrays that a step uses besides its inputs. All are arguments of compiled functions."""

    constants: Sequence[Array]
    states: Sequence[Array]  # the leaves of all states at the start


class Source(NamedTuple):
    """A state that the step touches."""

    place: Any  # its path in the model, or the state itself if the model does not hold it
    structure: PyTreeDef  # of its value
    code: str = ""  # an expression for it, from ``model``


@dataclass(frozen=True)
class Step:
    """One time step, on flat lists of arrays without units.

    The jaxpr takes the constants, the inputs and the leaves of all states. ``written``,
    ``parameters`` and ``fixed`` are positions among the latter.
    """

    jaxpr: Jaxpr
    arrays: Arrays
    populations: tuple[Population, ...]  # in the order in which signals reach them
    written: tuple[int, ...]
    parameters: tuple[int, ...]
    fixed: tuple[int, ...]  # matrices in other states of the model that the step does not write
    idle_parameters: int  # elements of parameters that the step does not touch
    output_tree: PyTreeDef
    callers: tuple[str, ...]  # for each call of a spike function, in order, the population
    sources: tuple[Source, ...]  # where the leaves of the states come from

    def __call__(
        self,
        constants: Sequence[Array],
        inputs: Sequence[Array],
        states: Sequence[Array],
        perturbations: Sequence[Array] = (),
        tap: Tap | None = None,
    ) -> Result:
        """Run the step. ``perturbations``, one for each population, are added to its membrane."""
        n = len(self.jaxpr.outvars) - len(self.written)
        membranes = map(self._membrane, self.populations)
        perturbed = dict(zip(membranes, perturbations))
        tap = tap or Tap()
        spikes = [population.spikes for population in self.populations]
        results, sent = run(self.jaxpr, [*constants, *inputs, *states], perturbed, tap, spikes)
        return Result(results[:n], results[n:], tap.calls, sent)

    def with_order(self) -> Step:
        """The step with its populations in the order in which signals reach them."""
        position = {population.name: population.call for population in self.populations}
        by_name = {population.name: population for population in self.populations}
        order = self.graph.in_order(position.__getitem__)
        return replace(self, populations=tuple(by_name[name] for name in order))

    def population(self, name: str) -> Population:
        """The population of a name."""
        return next(p for p in self.populations if p.name == name)

    def downstream(self, name: str) -> list[str]:
        """The populations that a population reaches, in order, without itself."""
        reached = self.graph.downstream(name) - {name}
        return [p.name for p in self.populations if p.name in reached]

    @cached_property
    def spikes(self) -> dict[str, SpikeFunction]:
        """The spike function that each population has."""
        return {population.name: population.spike for population in self.populations}

    @cached_property
    def graph(self) -> Graph:
        """Who feeds whom."""
        before = len(self.jaxpr.invars) - len(self.arrays.states)
        states = self.jaxpr.invars[before:]
        return graph_of(
            self.jaxpr,
            # The first input is the index of the step.
            inputs=self.jaxpr.invars[len(self.arrays.constants) + 1 : before],
            parameters={states[i]: i for i in self.parameters},
            fixed={states[i]: i for i in self.fixed},
            carried=[states[i] for i in self.written],
            membranes={self._membrane(p): p.name for p in self.populations},
        )

    def input_weights(self, population: Population) -> list[int]:
        """Positions of the weights that feed a population, without a spike in between.

        Weights that act through another state, such as a synaptic current, count. After a norm it
        is the norm's gain.
        """
        return sorted(self.graph.weights[population.name])

    def matrices(self, population: Population) -> list[int]:
        """Positions of the weights that feed a population and have more than one axis."""
        return [i for i in self.input_weights(population) if self.arrays.states[i].ndim > 1]

    def multiplies(self) -> bool:
        """Whether a step multiplies something by a matrix, or convolves it."""
        return any(eqn.primitive.name in PRODUCTS for eqn in self.jaxpr.eqns)

    def path(self, position: int) -> str:
        """The path of the state that a leaf belongs to."""
        source, _ = self._owner(position)
        return ".".join(map(str, source.place))

    def code(self, position: int, value: str) -> str:
        """A line that gives a leaf of the model's states a new value; ``{}`` is the old one."""
        source, leaf = self._owner(position)
        if leaf is None:
            return f"{source.code}.value = {value.format(f'{source.code}.value')}"
        old = f"{source.code}.value[{leaf!r}]"
        return f"{source.code}.value = {source.code}.value | {{{leaf!r}: {value.format(old)}}}"

    def as_parameter(self, position: int) -> str:
        """A line that makes the state of a leaf a parameter."""
        source, _ = self._owner(position)
        return f"import brainstate; {source.code} = brainstate.ParamState({source.code}.value)"

    def _owner(self, position: int) -> tuple[Source, str | None]:
        """The state that a leaf belongs to, and the leaf's key in it."""
        for source in self.sources:
            if position < source.structure.num_leaves:
                keys = jax.tree.unflatten(source.structure, range(source.structure.num_leaves))
                items = keys.items() if isinstance(keys, dict) else ()
                return source, next((key for key, i in items if i == position), None)
            position -= source.structure.num_leaves
        raise IndexError(position)

    def _membrane(self, population: Population) -> Any:
        """The variable that the step stores in its V."""
        return self.jaxpr.outvars[population.membrane - len(self.written)]


class Result(NamedTuple):
    """What a step gives: outputs, the written states, and what its neurons did."""

    outputs: list[Array]
    written: list[Array]
    arguments: list[Array]  # of each call of a spike function, in their order
    spikes: list[Array]  # that each population sends on


def is_real(x: Any) -> bool:
    """Whether it can have a derivative."""
    return jnp.issubdtype(x.dtype, jnp.floating)
