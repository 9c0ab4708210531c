"""Checks that all candidates begin with the same weights."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Sigmoid, Surrogate

from .._models import find_neurons, spike_of
from .._surrogate import QPseudoSpike, surrogate_key
from .experiment import Experiment
from .identity import name_of
from .packing import raw
from .typing import Model, Values

# In the forward pass all surrogates are equal, and the first two take every unit.
PROBE, _ = PROBES = QPseudoSpike(), QPseudoSpike(alpha=3.0)
OF_ANOTHER_CLASS = Sigmoid()


def check_start(experiment: Experiment) -> tuple[str, ...]:
    """Check that a seed gives all candidates the same weights, and another seed other weights.

    Returns
    -------
    tuple of str
        A warning if all seeds have the same weights.

    Raises
    ------
    ValueError
        If candidates differ in their weights, a model is made only once, or a factory takes the
        surrogate and leaves it.
    """
    seeds = experiment.seeds
    name = name_of(experiment.factory.make)
    (model, start), (again, *starts) = (_start(experiment, s, seeds[0]) for s in PROBES)
    if again is model:
        raise ValueError(
            f"the factory {name} must return a fresh model each time, got the same "
            f"{type(model).__name__} twice, so that all seeds would begin with the same weights. "
            "Create the model inside the function"
        )
    if experiment.factory.takes_surrogate:
        if _spike_functions(model) == _spike_functions(again):
            raise ValueError(
                f"the factory {name} takes surrogate and must put it into the model, got the same "
                "spike functions with two different surrogates. Pass it on, as in "
                "LIF(hidden, spk_fun=surrogate)"
            )
        with suppress(Exception):  # this factory takes surrogates of one class only
            starts += _start(experiment, OF_ANOTHER_CLASS, seeds[0])[1:]
    changed = [path for other in starts for path in _differing(start, other)]
    if changed:
        raise ValueError(
            "candidates must start from the same weights with the same seed, got different ones in "
            f"{', '.join(dict.fromkeys(changed))} from calls of {name} with seed {seeds[0]}. Draw "
            "from brainstate.random or numpy.random, which the seed sets, not from a generator of "
            "your own, such as numpy.random.default_rng(), and whatever the surrogate is"
        )
    trained = lambda seed: experiment.start(PROBE, seed)[1].values.trained
    if len(seeds) < 2 or _differing(*map(trained, seeds[:2])):
        return ()
    return (
        f"All seeds start from the same weights, because {name} does not draw them from "
        "brainstate.random or numpy.random. Intervals may be too small: seeds differ only in the "
        "split and the order of the samples.",
    )


def _start(experiment: Experiment, surrogate: Surrogate, seed: int) -> tuple[Model, Values]:
    """A model and all its initial values, weights first."""
    model, states = experiment.start(surrogate, seed)
    weights = states.values
    return model, weights.trained | weights.kept | arrays_of(model)


def _differing(first: Values, second: Values) -> list[str]:
    """Names of values that are not the same numbers, random keys included."""
    text = lambda value: [(a.shape, a.tobytes()) for a in map(raw, jax.tree.leaves(value))]
    return [name for name in first if text(first[name]) != text(second.get(name))]


def _spike_functions(model: Model) -> list[Hashable]:
    spikes = [spike_of(neuron) for neuron in find_neurons(model).values()]
    return [surrogate_key(s) if isinstance(s, Surrogate) else id(s) for s in spikes]


def arrays_of(model: Model) -> Values:
    """Arrays that nodes have as attributes."""
    return {
        ".".join(map(str, (*path, name))): value
        for path, node in brainstate.graph.nodes(model).items()
        for name, value in vars(node).items()
        if isinstance(value, (jax.Array, np.ndarray, u.Quantity))
    }
