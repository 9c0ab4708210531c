"""Every neuron of brainpy.state that takes a spike function, found by looking."""

import inspect
from functools import cache

import brainstate
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy import state
from helpers import assert_agree

from braintools_qps import QPseudoSpike

DT = (
    0.125 * u.ms
)  # exact in binary, so that a refractory time ends at the same step however it is computed
STEPS, SIZE = 60, 3
# Tried in this order until a neuron takes the unit and spikes: brainpy.state mixes conventions.
UNITS = [u.mA, u.UNITLESS, u.mV / u.ms]
AMPLITUDES = [30.0, 300.0, 10.0]
OURS, THEIRS = QPseudoSpike(alpha=2.0), braintools.surrogate.QPseudoSpike(alpha=2.0)
USUAL = ("IF", "LIF", "ALIF", "AdExIF")
# The NEST family of older versions runs through boolean spikes, which no surrogate can cross.
NEURONS = [
    member
    for name, member in inspect.getmembers(state, inspect.isclass)
    if name != "Neuron"
    and not issubclass(member, getattr(state, "NESTNeuron", ()))
    and "spk_fun" in inspect.signature(member.__init__).parameters
]
RESETS = [(member, "soft", 2) for member in NEURONS] + [
    (member, "hard", None) for member in NEURONS if member.__name__ in USUAL
]


@pytest.fixture(autouse=True)
def _double_precision():
    """Chaotic neurons (HH, Morris-Lecar) would blow the rounding errors of float32 up."""
    with jax.enable_x64(True), brainstate.environ.context(precision=64, dt=DT):
        yield


def spikes_of(neuron_class, surrogate, current, *, reset="soft", batch=None):
    """Spikes of shape (steps, [batch,] neurons) under a constant current per neuron."""
    neuron = neuron_class(SIZE, spk_fun=surrogate, spk_reset=reset)
    with brainstate.random.seed_context(0):
        brainstate.nn.init_all_states(neuron, **({} if batch is None else {"batch_size": batch}))

    def step(i):
        with brainstate.environ.context(i=i, t=i * DT):
            return neuron.update(current)

    return brainstate.transform.for_loop(step, jnp.arange(STEPS))


@cache
def driving_current(neuron_class):
    """A current per neuron under which some of them spike and all stay finite."""
    run = brainstate.transform.jit(lambda current: spikes_of(neuron_class, OURS, current))
    for unit in UNITS:
        for amplitude in AMPLITUDES:
            current = amplitude * np.linspace(0.8, 1.0, SIZE) * unit
            try:
                spikes = run(current)
            except u.UnitMismatchError:
                break
            if jnp.isfinite(spikes).all() and spikes.any():
                return current
    raise AssertionError(f"no current makes {neuron_class.__name__} spike")


def spikes_and_gradient(neuron_class, surrogate, **options):
    """Spikes, and the derivative of a random projection of them by the current."""

    def loss(current):
        spikes = spikes_of(neuron_class, surrogate, current, **options)
        readout = np.random.default_rng(0).normal(size=spikes.shape)
        return jnp.sum(spikes * readout), spikes

    gradient, spikes = u.autograd.grad(loss, has_aux=True)(driving_current(neuron_class))
    return spikes, gradient


@pytest.mark.thorough  # only a release of brainpy breaks it
@pytest.mark.parametrize(
    ("neuron_class", "reset", "batch"),
    RESETS,
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_spikes_and_gradients_through_time(neuron_class, reset, batch):
    ours = spikes_and_gradient(neuron_class, OURS, reset=reset, batch=batch)
    theirs = spikes_and_gradient(neuron_class, THEIRS, reset=reset, batch=batch)
    assert jnp.array_equal(ours[0], theirs[0])
    assert u.get_unit(ours[1]) == u.get_unit(theirs[1])
    assert_agree(ours[1], theirs[1])
    assert u.get_unit(ours[1]).dim == (1 / u.get_unit(driving_current(neuron_class))).dim


def test_neurons_are_found():
    names = {member.__name__ for member in NEURONS}
    assert {"IF", "LIF", "LIFRef", "ALIF", "AdExIF", "Gif", "Izhikevich", "HH"} <= names
