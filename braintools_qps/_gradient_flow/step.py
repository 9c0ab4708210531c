"""A model's time step as a pure function of arrays, with access to membranes and spikes.

The jaxpr of the model's own code is run equation by equation. Membranes are perturbed where the
step computes the value that it stores in ``V``, so the spike of the same step sees the
perturbation. A perturbation of the state between two steps would miss it: `brainpy.state.LIF`
computes its spike from a local variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import DictKey, KeyPath, PyTreeDef

from .._jaxpr import PRODUCTS, Jaxpr, Tap, Var, run
from ..typing import SpikeFunction
from .graph import INPUTS, Fixed, Graph, Vertex, graph_of

Spikes = Mapping[str, SpikeFunction]  # the surrogate of each population


class Population(NamedTuple):
    """Neurons that share a node of the model."""

    name: str
    kind: type  # of the node; one with a detached reset is another
    spike: SpikeFunction  # its surrogate, or whatever the model calls
    membrane: int  # position of V among the written states
    stored: Var  # the variable that the step stores in V
    unit: u.Unit  # of V
    argument_unit: u.Unit | None  # of what the spike function is called with
    call: int  # the call whose argument is the new membrane, among all calls of a step
    spikes: Var  # the variable of the spikes that leave the neuron


class Arrays(NamedTuple):
    """The arrays that a step uses besides its inputs. All are arguments of compiled functions."""

    constants: Sequence[Array]
    states: Sequence[Array]  # the leaves of all states at the start


class Place(NamedTuple):
    """The place of a leaf among the states of a model."""

    state: brainstate.State
    path: tuple[str | int, ...]  # of the state in the model; empty if the model does not hold it
    keys: KeyPath  # in the value of the state
    code: str  # an expression for the state, from ``model``


@dataclass(frozen=True)
class Step:
    """One time step of a model, on flat lists of arrays without units.

    The jaxpr takes the constants, the inputs and the leaves of all states. ``written``,
    ``parameters`` and ``fixed`` are positions among the latter.
    """

    jaxpr: Jaxpr
    arrays: Arrays
    written: tuple[int, ...]
    lasting: tuple[int, ...]  # positions among the written: they outlast a run, as random keys do
    parameters: tuple[int, ...]
    fixed: tuple[int, ...]  # matrices in other states of the model that the step does not write
    output_tree: PyTreeDef
    callers: tuple[str, ...]  # for each call of a spike function, in order, the population
    places: tuple[Place, ...]  # of the leaves of the states
    kept: tuple[str, ...] = ()  # paths of states that it writes, that no init_state sets
    populations: tuple[Population, ...] = ()  # in the order in which signals reach them
    readouts: tuple[Population, ...] = ()  # neurons whose V is read, and whose spikes are not

    def __call__(
        self,
        arrays: Arrays,
        inputs: Sequence[Array],
        written: Sequence[Array],
        tap: Tap,
        perturbations: Mapping[Var, Array] | None = None,
    ) -> Result:
        """Run the step from its written states. Perturbations are added to what it computes."""
        states = dict(enumerate(arrays.states)) | dict(zip(self.written, written))
        arguments = [*arrays.constants, *inputs, *states.values()]
        spikes = [population.spikes for population in self.populations]
        results, sent = run(self.jaxpr, arguments, perturbations or {}, tap, spikes)
        n = len(results) - len(self.written)
        return Result(results[:n], results[n:], tap.calls, sent)

    def start(self, arrays: Arrays) -> list[Array]:
        """The written states at the start."""
        return [arrays.states[i] for i in self.written]

    def with_order(self) -> Step:
        """Put the populations into the order in which signals reach them.

        Readouts do not count as populations, unless there are no others.
        """
        ordered = sorted(self.populations, key=lambda p: (*self.graph.place(p.name), p.call))
        readouts = tuple(p for p in ordered if self.graph.is_readout(p.name))
        others = tuple(p for p in ordered if not self.graph.is_readout(p.name))
        return replace(self, populations=others or readouts, readouts=readouts if others else ())

    def population(self, name: str) -> Population:
        """The population with this name."""
        return next(p for p in self.populations if p.name == name)

    def downstream(self, name: str) -> list[str]:
        """The populations that a population reaches, in order, without itself."""
        reached = self.graph.downstream(name) - {name}
        return [p.name for p in self.populations if p.name in reached]

    @cached_property
    def program(self) -> str:
        """The jaxpr as text: equal programs have equal texts."""
        return re.sub(r" at 0x\w+", "", str(self.jaxpr))

    @cached_property
    def spikes(self) -> dict[str, SpikeFunction]:
        """The spike function that each population has, and each readout."""
        return {neuron.name: neuron.spike for neuron in (*self.populations, *self.readouts)}

    @cached_property
    def argument_units(self) -> dict[str, u.Unit | None]:
        """The unit of what the spike function of each is called with; None for a number."""
        return {neuron.name: neuron.argument_unit for neuron in (*self.populations, *self.readouts)}

    @property
    def state_variables(self) -> Sequence[Var]:
        """The variables of the leaves of all states, before the step."""
        return self.jaxpr.invars[len(self.jaxpr.invars) - len(self.arrays.states) :]

    @property
    def stored(self) -> list[Any]:
        """The variables of the leaves of the written states, after the step."""
        return self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]

    @property
    def input_variables(self) -> Sequence[Var]:
        """The variables of the inputs, without the index of the step."""
        before, states = len(self.arrays.constants) + 1, len(self.arrays.states)
        return self.jaxpr.invars[before : len(self.jaxpr.invars) - states]

    @cached_property
    def graph(self) -> Graph:
        """Who feeds whom."""
        states = self.state_variables
        start: dict[Var, Vertex] = dict.fromkeys(self.input_variables, INPUTS)
        start |= {states[i]: i for i in self.parameters}
        start |= {states[i]: Fixed(i) for i in self.fixed}
        membranes = {p.stored: p.name for p in self.populations}
        return graph_of(self.jaxpr, start, [states[i] for i in self.written], membranes)

    def weights(self, name: str) -> list[np.ndarray]:
        """The weights that feed a population."""
        return [np.asarray(self.arrays.states[i]) for i in self.graph.input_weights(name)]

    def matrices(self, name: str) -> list[int]:
        """Positions of the weights that feed a population and have more than one axis."""
        return [i for i in self.graph.input_weights(name) if self.arrays.states[i].ndim > 1]

    def multiplies(self) -> bool:
        """Whether a step multiplies something by a matrix, or convolves it."""
        return any(eqn.primitive.name in PRODUCTS for eqn in self.jaxpr.eqns)

    def path(self, position: int) -> str:
        """The path of the state that a leaf belongs to."""
        return ".".join(map(str, self.places[position].path))

    def code(self, position: int, value: str) -> str:
        """A line that gives a leaf of the model's states a new value; ``{}`` is the old one."""
        _, _, keys, code = self.places[position]
        return f"{code}.value = {_with_leaf(f'{code}.value', keys, value)}"

    def as_parameter(self, position: int) -> str:
        """A line that makes the state of a leaf a parameter."""
        code = self.places[position].code
        return f"import brainstate; {code} = brainstate.ParamState({code}.value)"


def _with_leaf(tree: str, keys: KeyPath, value: str) -> str:
    """An expression for a tree with a new leaf; the leaf of a Quantity stands for all of it."""
    if keys and isinstance(keys[0], DictKey):
        key = keys[0].key
        return f"{tree} | {{{key!r}: {_with_leaf(f'{tree}[{key!r}]', keys[1:], value)}}}"
    return value.format(tree)


class Result(NamedTuple):
    """What a step gives: outputs, the written states, and what its neurons did."""

    outputs: list[Array]
    written: list[Array]
    arguments: list[Array]  # of each call of a spike function, in their order
    spikes: list[Array]  # that each population sends on


def is_real(x: Any) -> bool:
    """Whether an array holds real numbers, which can have a derivative."""
    return jnp.issubdtype(x.dtype, jnp.floating)
