"""Checks that all candidates begin with the same weights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Sigmoid, Surrogate

from .._models import find_neurons, spike_of
from .._surrogate import QPseudoSpike, surrogate_key
from .experiment import Experiment
from .identity import name_of
from .model import initialised, seeded, values_of

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
    (model, weights, fixed), (again, *values) = (start(experiment, s, seeds[0]) for s in PROBES)
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
            values += start(experiment, OF_ANOTHER_CLASS, seeds[0])[1:]
    changed = [n for some in zip((weights, fixed) * 2, values) for n in _differing(*some)]
    if changed:
        raise ValueError(
            "candidates must start from the same weights with the same seed, got different ones in "
            f"{', '.join(dict.fromkeys(changed))} from calls of {name} with seed {seeds[0]}. Draw "
            "from brainstate.random or numpy.random, which the seed sets, not from a generator of "
            "your own, such as numpy.random.default_rng(), and whatever the surrogate is"
        )
    if len(seeds) < 2 or _differing(weights, start(experiment, PROBE, seeds[1])[1]):
        return ()
    return (
        f"All seeds start from the same weights, because {name} does not draw them from "
        "brainstate.random or numpy.random. Intervals may be too small: seeds differ only in the "
        "split and the order of the samples.",
    )


def start(
    experiment: Experiment, surrogate: Any, seed: int
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A model, its weights, and all its other initial values."""
    with seeded(jax.random.key(seed), seed):
        model = experiment.model(surrogate)
        trained, kept = map(values_of, initialised(model, experiment.batch_size))
    return model, trained, kept | {path: value for path, (value, _) in arrays_of(model).items()}


def _differing(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Names of values that are not the same numbers, random keys included."""
    text = lambda value: [(a.shape, a.tobytes()) for a in map(_raw, jax.tree.leaves(value))]
    return [name for name in first if text(first[name]) != text(second.get(name))]


def _raw(leaf: Any) -> np.ndarray:
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _spike_functions(model: Any) -> list[Any]:
    found = [spike_of(neuron) for neuron in find_neurons(model).values()]
    return [surrogate_key(one) if isinstance(one, Surrogate) else id(one) for one in found]


def arrays_of(model: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Arrays that nodes have as attributes, and their shapes."""
    return {
        ".".join(map(str, (*path, name))): (value, np.shape(value))
        for path, node in brainstate.graph.nodes(model).items()
        for name, value in vars(node).items()
        if isinstance(value, (jax.Array, np.ndarray, u.Quantity))
    }
