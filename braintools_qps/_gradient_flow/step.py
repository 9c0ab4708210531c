"""A model's time step as a pure function of arrays, open at its membranes and its spikes.

The step is traced once, by the model's own code, and read back equation by equation. Membranes are
perturbed where the value that the step stores is computed, so that everything after it in the same
step, the spike above all, sees the perturbation. Adding it to the state between two steps would
miss that: `brainpy.state.LIF` computes its spike from a local variable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr

from .._neurons import mark, traced_afresh
from .jaxpr import (
    Call,
    Tap,
    callers,
    inlined,
    inner_callers,
    run,
    signature,
    weights_before,
    with_constants_as_arguments,
)  # fmt: skip
from .ready import no_neurons, ready_neurons


class Population(NamedTuple):
    """Neurons that share a node of the model."""

    name: str
    kind: str  # the class of the node
    spike: Any  # its surrogate, or whatever the model calls
    membrane: int  # position of V among the written states
    unit: u.Unit  # of V
    argument_unit: u.Unit | None  # of what the spike function is called with


class Arrays(NamedTuple):
    """What a step computes with besides its inputs: nothing here decides how it is compiled."""

    constants: Sequence[Array]
    states: Sequence[Array]  # the leaves of all states at the start


class Source(NamedTuple):
    """A state that the step touches."""

    place: Any  # its path in the model, or where it is in none, itself
    structure: Any  # of its value


@dataclass(frozen=True)
class Step:
    """One time step, on flat lists of arrays without units.

    The jaxpr takes the constants, the inputs and the leaves of all states. ``written`` and
    ``parameters`` are positions among the latter.
    """

    jaxpr: Jaxpr
    signature: tuple[Any, ...]
    arrays: Arrays
    populations: tuple[Population, ...]
    written: tuple[int, ...]
    parameters: tuple[int, ...]
    idle_parameters: int  # elements of parameters that the step does not touch
    output_tree: Any
    callers: tuple[str, ...]  # for each call of a spike function, in order, the population
    sources: tuple[Source, ...]  # where the leaves of the states come from
    notes: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two steps that one compiled program serves."""
        places = tuple((p.name, p.membrane) for p in self.populations)
        return self.signature, places, self.written, self.parameters

    def without_model(self) -> Step:
        """The step with what the programs need alone, to be kept when the model is gone."""
        populations = tuple(population._replace(spike=None) for population in self.populations)
        nothing = Arrays((), ())
        return dataclasses.replace(self, arrays=nothing, populations=populations, sources=())

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

        Its spikes go out; brainpy.state's neurons call once before, for the reset.
        """
        return max(i for i, name in enumerate(self.callers) if name == population.name)

    def input_weights(self, population: Population) -> list[int]:
        """Positions of the parameters whose products go into its membrane, through no spike."""
        states = self.jaxpr.invars[len(self.jaxpr.invars) - len(self.arrays.states) :]
        parameters = {states[i]: i for i in self.parameters}
        found = weights_before(self.jaxpr, parameters, self._membrane(population))
        return sorted(parameters[argument] for argument in found)

    def _membrane(self, population: Population) -> Any:
        """The variable that the step stores in its V."""
        written = self.jaxpr.outvars[len(self.jaxpr.outvars) - len(self.written) :]
        return written[population.membrane]


def trace(model: Any, inputs: Any) -> Step:
    """Read the step of a model off one call; the model is as before when this returns.

    Raises
    ------
    ValueError
        If no neuron has a membrane and a spike function, or a state does not keep its shape.
    """
    arguments = (jnp.asarray(0, jnp.int32), jax.tree.map(lambda x: x[0], inputs))
    with traced_afresh(model):
        ready = ready_neurons(model, inputs)
        spikes = {name: neuron.spk_fun for name, neuron in ready.neurons.items()}
        units = mark(ready.neurons)
        function = _stateful(model, arguments)
        if ready.alone and _give_batch(function, arguments):
            function = _stateful(model, arguments)
        leaves, written = _state_leaves(function, arguments)
        closed = inlined(function.get_jaxpr(*arguments))
        _check_kept(model, closed, [leaves[i] for i in written])
        parameters, idle_parameters = _parameters(model, leaves, written)
        step = Step(
            jaxpr=with_constants_as_arguments(closed),
            signature=signature(closed),
            arrays=Arrays(closed.consts, tuple(leaf for _, leaf in leaves)),
            populations=_populations(ready.neurons, spikes, units, [leaves[i][0] for i in written]),
            written=written,
            parameters=parameters,
            idle_parameters=idle_parameters,
            output_tree=jax.tree.structure(function.get_out_shapes(*arguments)[0]),
            callers=tuple(callers(closed)),
            sources=_sources(brainstate.graph.states(model), function.get_states(*arguments)),
            notes=ready.notes,
        )
    _check_called(step, inner_callers(closed))
    return step


def _stateful(model: Any, arguments: tuple) -> Any:
    """A step of the model, traced."""
    function = brainstate.transform.StatefulFunction(partial(advance, model))
    function.make_jaxpr(*arguments)
    return function


def _populations(
    neurons: Mapping[str, Any],
    spikes: Mapping[str, Any],
    units: Mapping[str, u.Unit | None],
    written: Sequence[Any],
) -> tuple[Population, ...]:
    """Neurons that spike and whose V is among the written states."""
    place = {id(state): i for i, state in enumerate(written)}
    return tuple(
        Population(
            name=name,
            kind=type(node).__name__,
            spike=spikes[name],
            membrane=place[id(node.V)],
            unit=u.get_unit(node.V.value),
            argument_unit=units[name],
        )
        for name, node in neurons.items()
        if name in units and id(node.V) in place
    )


def with_states_of(step: Step, model: Any) -> Step | None:
    """The step with what the model's states hold now; None where they are not of the same make."""
    states = brainstate.graph.states(model)
    found = [states.get(s.place) if isinstance(s.place, tuple) else s.place for s in step.sources]
    if None in found or step.sources != _sources(states, found):
        return None
    leaves = [leaf for state in found for leaf in jax.tree.leaves(state.value)]
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return None
    fresh = tuple(map(jnp.asarray, leaves))
    if list(map(jax.typeof, fresh)) != list(map(jax.typeof, step.arrays.states)):
        return None
    return dataclasses.replace(step, arrays=Arrays(step.arrays.constants, fresh))


def _sources(known: Mapping[Any, Any], found: Iterable[Any]) -> tuple[Source, ...]:
    """Where states are to be found again, of which ``known`` has those of the model by path."""
    paths = {id(state): path for path, state in known.items()}
    return tuple(
        Source(paths.get(id(state), state), jax.tree.structure(state.value)) for state in found
    )


def _give_batch(function: Any, arguments: tuple) -> bool:
    """Repeat the states that were made for one sample for the batch that the step makes of them."""
    leaves, written = _state_leaves(function, arguments)
    closed = function.get_jaxpr(*arguments)
    results = closed.out_avals[len(closed.out_avals) - len(written) :]
    changed = False
    for i, after in zip(written, results):
        state, before = leaves[i]
        if after.shape[1:] == before.shape and after.shape != before.shape:
            repeat = lambda x, n=after.shape[0]: u.math.broadcast_to(x, (n, *x.shape))
            state.value = jax.tree.map(repeat, state.value, is_leaf=u.math.is_quantity)
            changed = True
    return changed


def advance(model: Any, i: Array, x: Any) -> Any:
    """One step of the model, with the index and the time of the step in its environment."""
    dt = brainstate.environ.get("dt", None)
    # A float before it is multiplied, as JAX may be set to mix no dtypes.
    time = {} if dt is None else {"t": jnp.asarray(i, jnp.result_type(float)) * dt}
    with brainstate.environ.context(i=i, **time):
        return model(x) if callable(model) else model.update(x)


def _state_leaves(
    function: Any, arguments: tuple
) -> tuple[list[tuple[Any, Array]], tuple[int, ...]]:
    """Leaves of all states that a step touches, and the positions of those that it writes."""
    leaves = [
        (state, jnp.asarray(leaf))
        for state in function.get_states(*arguments)
        for leaf in jax.tree.leaves(state.value)
    ]
    written = {id(state) for state in function.get_write_states(*arguments)}
    return leaves, tuple(i for i, (state, _) in enumerate(leaves) if id(state) in written)


def _parameters(
    model: Any, leaves: list[tuple[Any, Array]], written: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    """Positions of the parameters, and how many elements the others have, which no step touches."""
    states = brainstate.graph.states(model, brainstate.ParamState).values()
    known = {id(state) for state in states}
    used = tuple(
        i
        for i, (state, leaf) in enumerate(leaves)
        if id(state) in known and i not in written and is_real(leaf)
    )
    touched = {id(state) for state, _ in leaves}
    idle = [leaf for s in states if id(s) not in touched for leaf in jax.tree.leaves(s.value)]
    return used, sum(jnp.size(leaf) for leaf in idle)


def is_real(x: Any) -> bool:
    """Whether it can have a derivative."""
    return jnp.issubdtype(x.dtype, jnp.floating)


def _check_kept(model: Any, jaxpr: ClosedJaxpr, written: list[tuple[Any, Array]]) -> None:
    names = {id(s): ".".join(map(str, p)) for p, s in brainstate.graph.states(model).items()}
    results = jaxpr.out_avals[len(jaxpr.out_avals) - len(written) :]
    for (state, before), after in zip(written, results):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise ValueError(
                f"states must keep their shape and dtype, got {names.get(id(state), 'a state')} of "
                f"shape {before.shape} and dtype {before.dtype} before a step and {after.shape}, "
                f"{after.dtype} after it. Initialise them for these inputs, for example with "
                "brainstate.nn.init_all_states(model, batch_size)"
            )


def _check_called(step: Step, inner: set[str]) -> None:
    """Populations are those that change V and spike, both at the top level of the step."""
    populations, callers = {population.name for population in step.populations}, set(step.callers)
    if looping := inner | (populations - callers):
        raise no_neurons(f"{', '.join(sorted(looping))} spike inside a loop within the step")
    if still := callers - populations:
        raise no_neurons(f"{', '.join(sorted(still))} spike without a change of V")
    if not populations:
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")
