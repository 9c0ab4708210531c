"""Give deep stacks weights with which each layer passes on the spikes of the previous one.

Random weights scramble signals: after about sixteen layers, spikes say nothing about the input,
whatever the firing rate. With one weight per neuron, just large enough for a single spike to make
it fire, a layer repeats the layer before it in another order, and training starts from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._jaxpr import PRODUCTS, RULED, Jaxpr, JaxprEqn, Tap, called_by, is_call, primitive_of
from .._models import checked_inputs
from ..records import RelayedPopulation, RelayedWeights
from ..typing import Inputs, Model
from .graph import INPUTS
from .normalize_rates import checked_rate, rates_of, scaled_to, write_leaves
from .passes import replaced, with_index
from .step import Step
from .tracing import trace

SHALLOW = 8  # populations in a row that train with random weights
MARGIN = 1.2  # of the weight over the least one with which a spike makes a neuron at rest fire


class Link(NamedTuple):
    """One weight matrix from one population to the next."""

    source: str
    population: str
    weight: int  # position of the weights among the leaves of the states
    current: Any  # the variable of their product with spikes
    axes: tuple[int, int]  # of the weights, that count inputs and outputs


def relay_weights(
    model: Model, inputs: Inputs, *, rate: float = 0.2, batch_first: bool = False
) -> RelayedWeights:
    r"""Replace the weights between the layers of a deep stack by ones that pass spikes on.

    Each neuron gets one weight, from one neuron of the previous layer: neuron i from neuron i. If
    the previous layer is smaller, several neurons get the same source; if it is larger, its other
    neurons are not used. The weight is :math:`1.2\, d / r` with the distance :math:`d` from rest
    to threshold and the peak :math:`r` of the membrane's response to an input of 1 in one step.
    Both are measured on the model, with all weights between layers at 0. For leaky
    integrate-and-fire neurons
    :math:`d / r = V_\mathrm{th} / (k (1 - e^{-\Delta t / \tau}))` with the factor k of the current.
    So every spike makes one neuron of each further layer fire, and the last layer has as much
    information about the inputs as the first.

    Other weights, such as those of the first layer, are multiplied by one factor for each
    population, so that it fires at ``rate``. Biases stay.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. Its weights between populations are replaced, so call it before
        training. They keep their units and dtypes. After an error, weights have not changed.
    inputs : Array, Quantity or pytree of them, or Task
        A batch of training data, of shape (time, features) or (time, batch, features...), with or
        without a unit. Or a task of `load_task`, of which 64 training samples are used.
    rate : float
        Firing rate of the first population, in spikes per neuron and step. Deep stacks learn
        better at 0.2 than at 0.1.
    batch_first : bool
        Whether inputs have the shape (batch, time, features...), as for `gradient_flow`.

    Returns
    -------
    RelayedWeights
        For each population its source, its weight, and its rate before and after.

    Raises
    ------
    ValueError
        If no population is fed by exactly one other through its own weight matrix, or such a
        population fires at rest. If the rate or the inputs are invalid, as for `normalize_rates`.

    See Also
    --------
    prepare : Decides whether a model needs it.
    normalize_rates : Scales weights, and is enough for stacks of up to eight layers.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax
    >>> from braintools_qps import relay_weights
    >>> layers = []
    >>> for i in range(3):
    ...     layers += [brainstate.nn.Linear(20, 20), lambda z: z * u.mA]
    ...     layers += [brainpy.state.LIF(20, V_th=1 * u.mV, tau=10 * u.ms)]
    >>> inputs = jax.random.uniform(jax.random.key(0), (30, 4, 20))
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     done = relay_weights(brainstate.nn.Sequential(*layers), inputs)
    >>> [(p.population, p.source) for p in done.populations]
    [('layers.2', None), ('layers.5', 'layers.2'), ('layers.8', 'layers.5')]
    """
    rate = checked_rate(rate)
    inputs = checked_inputs(inputs, batch_first=batch_first)
    step = trace(model, inputs)
    links = chain(step)
    if not links:
        raise ValueError(
            "relay_weights needs populations that exactly one other feeds, through one weight "
            f"matrix\nThere is none among {', '.join(p.name for p in step.populations)}\n"
            "Use normalize_rates for this model"
        )
    measure = rates_of(step, with_index(inputs))
    before = measure(step.arrays.states)
    weights = _weights(step, inputs, links)
    states = list(step.arrays.states)
    for link in links:
        states[link.weight] = _relaying(states[link.weight], link, weights[link.population])
    step_with = replace(step, arrays=step.arrays._replace(states=states))
    names = [p.name for p in step.populations if p.name not in weights]
    others = {name: step.graph.input_weights(name) for name in names}
    scaling = scaled_to(step_with, others, measure, rate)
    write_leaves(model, step, scaling.states)
    sources = {link.population: link.source for link in links}
    return RelayedWeights(
        tuple(
            RelayedPopulation(name, sources.get(name), weights.get(name), rate, scaling.after[name])
            for name, rate in before.items()
        )
    )


def chain(step: Step) -> list[Link]:
    """Weights between two populations that nothing else feeds, in the order of the populations."""
    names = [population.name for population in step.populations]
    links, fed = [], list(map(step.graph.input_weights, names))
    for name in names:
        matrices = step.matrices(name)
        sources = step.graph.senders(name)
        if len(matrices) != 1 or len(sources) != 1 or INPUTS in sources:
            continue
        (weight,) = matrices
        product = _product_of(step.jaxpr, step.state_variables[weight])
        if product and sum(weight in each for each in fed) == 1:
            links.append(Link(min(sources), name, weight, *product))
    return links


def _product_of(jaxpr: Jaxpr, weights: Any) -> tuple[Any, tuple[int, int]] | None:
    """The result and the axes of a product, if nothing else uses these weights."""
    uses = [(eqn, i) for eqn in jaxpr.eqns for i, v in enumerate(eqn.invars) if v is weights]
    if len(uses) != 1:
        return None
    ((eqn, position),) = uses
    axes = None
    if eqn.primitive.name in PRODUCTS:
        axes = _axes(eqn, position, weights.aval.ndim)
    elif is_call(eqn) or primitive_of(eqn) in RULED:
        inner: Any = called_by(eqn)
        product = _product_of(inner.jaxpr, inner.jaxpr.invars[position])
        axes = product and product[1]
    return None if axes is None else (eqn.outvars[0], axes)


def _axes(eqn: JaxprEqn, position: int, ndim: int) -> tuple[int, int] | None:
    """The axes of a product's weights that count its inputs and its outputs."""
    numbers = eqn.params["dimension_numbers"]
    if eqn.primitive.name == "conv_general_dilated":
        outputs, inputs, *_ = numbers.rhs_spec
        return (inputs, outputs) if eqn.params["feature_group_count"] == 1 else None
    contracted, batched = (axes[position] for axes in numbers)
    if len(contracted) != 1 or batched or ndim != 2:
        return None
    return contracted[0], 1 - contracted[0]


def _weights(step: Step, inputs: Inputs, links: Sequence[Link]) -> dict[str, float]:
    """The weight with which one spike makes a neuron of each linked population fire."""
    rest, response = _at_rest(step, inputs, links)
    weights = {}
    for link in links:
        name, call = link.population, step.population(link.population).call
        distance, peak = -float(rest[call][-1]), float(response[call].max())
        if distance <= 0 or peak <= 0:
            why = "fires at rest" if distance <= 0 else "does not rise with its input"
            raise ValueError(
                "relay_weights needs populations that rest below their threshold and rise with "
                f"their input\n{name} {why}\n"
                "Lower its bias, or use normalize_rates; nothing was changed"
            )
        weights[name] = MARGIN * distance / peak
    return weights


def _at_rest(
    step: Step, inputs: Inputs, links: Sequence[Link]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The mean argument of each call by step, and its response to a pulse in the first step.

    The inputs and all weights between populations are 0, every linked population gets the pulse as
    its current, and no spike passes a derivative on.
    """
    indexed = with_index(jax.tree.map(jnp.zeros_like, inputs))
    weights = [link.weight for link in links]
    unlinked = [jnp.zeros_like(step.arrays.states[i]) for i in weights]
    arrays = step.arrays._replace(states=replaced(step.arrays.states, weights, unlinked))

    def arguments(pulse: Array) -> list[Array]:
        def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], list[Array]]:
            size = jnp.where(x[0] == 0, pulse, 0.0)
            added = {link.current: jnp.full(link.current.aval.shape, size) for link in links}
            result = step(arrays, x, written, Tap(lambda name, argument: jnp.zeros(())), added)
            return result.written, [jnp.mean(argument) for argument in result.arguments]

        return jax.lax.scan(advance, step.start(arrays), indexed)[1]

    rest, response = jax.jit(lambda: jax.jvp(arguments, (jnp.zeros(()),), (jnp.ones(()),)))()
    return list(map(np.asarray, rest)), list(map(np.asarray, response))


def _relaying(old: Array, link: Link, weight: float) -> Array:
    """Weights of the shape of the old ones, with one input for each output.

    Which one makes no difference where layers are alike. In a kernel it is at the middle; in an
    even one it comes before, where JAX's SAME padding leaves the image in its place.
    """
    inputs, outputs = link.axes
    index: list[Any] = [(size - 1) // 2 for size in old.shape]
    index[outputs] = np.arange(old.shape[outputs])
    index[inputs] = index[outputs] % old.shape[inputs]
    new = np.zeros(old.shape)
    new[tuple(index)] = weight
    return jnp.asarray(new, old.dtype)
