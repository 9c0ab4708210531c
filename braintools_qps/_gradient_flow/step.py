"""A model's time step as a pure function of arrays, open at its membranes and its spikes.

The step is traced once, by the model's own code, and read back equation by equation. Membranes are
perturbed where the value that the step stores is computed, so that everything after it in the same
step, the spike above all, sees the perturbation. Adding it to the state between two steps would
miss that: `brainpy.state.LIF` computes its spike from a local variable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr

from .._neurons import find_neurons, has_membrane, mark, preserved
from .jaxpr import Call, callers, inlined, run


class Population(NamedTuple):
    """Neurons that share a node of the model."""

    name: str
    spike: Callable[[Any], Any]
    membrane: int  # position of V among the written states
    unit: u.Unit  # of V
    argument_unit: u.Unit | None  # of what the spike function is called with


@dataclass(frozen=True)
class Step:
    """One time step, on flat lists of arrays without units.

    ``initial`` holds the leaves of all states; ``written`` and ``parameters`` are positions in it.
    """

    jaxpr: ClosedJaxpr
    populations: tuple[Population, ...]
    initial: tuple[Array, ...]
    written: tuple[int, ...]
    parameters: tuple[int, ...]
    idle_parameters: int  # elements of parameters that the step does not touch
    output_tree: Any

    @property
    def callers(self) -> list[str]:
        """For each call of a spike function, in their order, the name of the population."""
        return callers(self.jaxpr)

    def __call__(
        self,
        inputs: Sequence[Array],
        states: Sequence[Array],
        perturbations: Sequence[Array] = (),
        slopes: Sequence[Array] | None = None,
    ) -> tuple[list[Array], list[Array], list[Call]]:
        """Outputs, the written states, and the calls of spike functions in their order.

        ``perturbations``, one for each population, are added to its membrane. ``slopes``, one for
        each call, are what spikes have as their derivatives, in place of the surrogate's.
        """
        outvars = self.jaxpr.jaxpr.outvars
        n = len(outvars) - len(self.written)
        membranes = [outvars[n + population.membrane] for population in self.populations]
        perturbed = dict(zip(membranes, perturbations))
        results, calls = run(self.jaxpr, [*inputs, *states], perturbed, slopes)
        return results[:n], results[n:], calls


def trace(model: Any, inputs: Any) -> Step:
    """Read the step of a model off one call; the model is as before when this returns.

    Raises
    ------
    ValueError
        If no neuron has a membrane and a spike function, or a state does not keep its shape.
    """
    arguments = (jnp.asarray(0, jnp.int32), jax.tree.map(lambda x: x[0], inputs))
    with preserved(model):
        neurons = initialised_neurons(model, inputs)
        spikes = {name: neuron.spk_fun for name, neuron in neurons.items()}
        units = mark(neurons)
        function = brainstate.transform.StatefulFunction(partial(advance, model))
        function.make_jaxpr(*arguments)
        leaves, written = _state_leaves(function, arguments)
        jaxpr = inlined(function.get_jaxpr(*arguments))
        _check_kept(model, jaxpr, [leaves[i] for i in written])
        place = {id(leaves[i][0]): j for j, i in enumerate(written)}
        step = Step(
            jaxpr,
            tuple(
                Population(n, spikes[n], place[id(node.V)], u.get_unit(node.V.value), units[n])
                for n, node in neurons.items()
                if n in units and id(node.V) in place
            ),
            tuple(leaf for _, leaf in leaves),
            written,
            *_parameters(model, leaves, written),
            jax.tree.structure(function.get_out_shapes(*arguments)[0]),
        )
    _check_called(step)
    return step


def advance(model: Any, i: Array, x: Any) -> Any:
    """One step of the model, with the index and the time of the step in its environment."""
    dt = brainstate.environ.get("dt", None)
    time = {} if dt is None else {"t": i * dt}
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


def _check_called(step: Step) -> None:
    """Populations are those that change V and spike, both at the top level of the step."""
    populations, callers = {population.name for population in step.populations}, set(step.callers)
    if looping := populations - callers:
        raise no_neurons(f"{', '.join(sorted(looping))} spike inside a loop within the step")
    if still := callers - populations:
        raise no_neurons(f"{', '.join(sorted(still))} spike without a change of V")
    if not populations:
        raise no_neurons("no neuron both changes V and calls spk_fun in a step")


def initialised_neurons(model: Any, inputs: Any) -> dict[str, Any]:
    """Neurons with a membrane, by name; all states are initialised where one has none yet.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = {n: node for n, node in find_neurons(model).items() if callable(node.spk_fun)}
    if not all(map(has_membrane, found.values())):
        batch = batch_size(inputs)
        brainstate.nn.init_all_states(model, *([] if batch is None else [batch]))
    ready = {name: node for name, node in sorted(found.items()) if has_membrane(node)}
    if not ready:
        raise no_neurons(f"{type(model).__name__} has {len(found)} nodes with spk_fun, 0 with V")
    return ready


def no_neurons(found: str) -> ValueError:
    """The error for a model in which there is nothing to measure."""
    return ValueError(
        "gradient_flow needs neurons with a membrane potential in a state V and a spike function "
        f"spk_fun that each time step calls, outside of inner loops. Here {found}"
    )


def batch_size(inputs: Any) -> int | None:
    """Of inputs of shape (time, batch, features...); None for (time, features)."""
    shape = jax.tree.leaves(inputs)[0].shape
    return shape[1] if len(shape) > 2 else None
