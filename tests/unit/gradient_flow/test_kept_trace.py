"""A trace is kept while the model is of the same make, and no longer."""

import functools
import random

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, Scaled, get_surrogate
from braintools_qps._gradient_flow import KeptTrace
from braintools_qps._gradient_flow.tracing import trace

INPUTS = jnp.ones((6, 2, 4))
updates = 0  # of all networks


class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = brainstate.ParamState(jnp.ones(4))
        self.lif = brainpy.state.LIF(4, spk_fun=Scaled(get_surrogate("Sigmoid")))
        self.mask = np.ones(4, np.float32)
        self.options = {"gain": [5.0]}
        self.shape = functools.partial(jnp.multiply, 2.0)
        self.outward = lambda x, gain=self.options: x * gain["gain"][0]

    def update(self, x):
        global updates
        updates += 1
        return self.outward(self.shape(self.lif(self.mask * self.weight.value * x * u.mA)))


@pytest.fixture
def network():
    with brainstate.environ.context(dt=1 * u.ms):
        network = Network()
        brainstate.nn.init_all_states(network, 2)
        yield network


def is_kept(kept, network):
    """Whether the next step comes without a call of the model; it is the right one."""
    before = updates
    step = kept(network, INPUTS)
    same = updates == before
    fresh = trace(network, INPUTS)
    assert step.identity == fresh.identity
    jax.tree.map(np.testing.assert_array_equal, step.arrays, fresh.arrays)
    return same


def test_a_step_that_the_model_has_compiled_is_traced_anew():
    class Compiled(Network):
        def __init__(self):
            super().__init__()
            self.run = brainstate.transform.jit(super().update)

        def update(self, x):
            return self.run(x)

    with brainstate.environ.context(dt=1 * u.ms):
        network = Compiled()
        brainstate.nn.init_all_states(network, 2)
        network(INPUTS[0])
        assert [population.name for population in trace(network, INPUTS).populations] == ["lif"]


def test_values_of_states_are_read_afresh(network):
    kept = KeptTrace()
    assert not is_kept(kept, network)
    network.weight.value = jnp.full(4, 3.0, jnp.float32)
    brainstate.nn.init_all_states(network, 2)  # makes new states
    network.lif.V.value = jnp.full((2, 4), 0.5) * u.mV
    assert is_kept(kept, network)
    assert float(kept(network, INPUTS).arrays.states[0].max()) in (0.5, 3.0)


def set_gain(network):
    network.options["gain"][0] = 6.0


def set_mask(network):
    network.mask[0] = 0.0


CHANGES = {
    "a constant with a unit": lambda n: setattr(n.lif, "V_th", 2 * u.mV),
    "the unit alone": lambda n: setattr(n.lif, "R", 1.0 * u.kohm),
    "the surrogate": lambda n: setattr(n.lif, "spk_fun", QPseudoSpike()),
    "deep within a dictionary": set_gain,
    "in place, in NumPy": set_mask,
    "a partial function": lambda n: setattr(n, "shape", functools.partial(jnp.multiply, 3.0)),
    "what a function holds": lambda n: setattr(n, "outward", lambda x, gain=2: x * gain),
    "a state of another shape": lambda n: setattr(n.weight, "value", jnp.ones((1, 4))),
    "a state of a weak type": lambda n: setattr(n.weight, "value", jnp.full(4, 1.0)),
    "a state shared": lambda n: setattr(n, "other", n.weight),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(change, network):
    kept = KeptTrace()
    is_kept(kept, network)
    change(network)
    assert not is_kept(kept, network)
    assert is_kept(kept, network)


def test_another_environment_is_noticed(network):
    kept = KeptTrace()
    is_kept(kept, network)
    with brainstate.environ.context(dt=0.5 * u.ms):
        assert not is_kept(kept, network)


def test_a_state_within_the_surrogate(network):
    alpha = brainstate.ShortTermState(jnp.asarray(1.0))
    network.lif.spk_fun = QPseudoSpike(alpha)
    kept = KeptTrace()
    is_kept(kept, network)
    alpha.value = jnp.asarray(8.0)
    assert is_kept(kept, network)


@pytest.mark.parametrize(
    "value",
    [iter([1]), list(range(30_000))],
    ids=["whose state cannot be seen", "too much to look through"],
)
def test_what_cannot_be_compared_counts_as_changed(value, network):
    network.extra = value
    kept = KeptTrace()
    is_kept(kept, network)
    assert not is_kept(kept, network)


def test_a_model_that_knows_whoever_holds_it(network):
    owner = type("Owner", (), {})()
    owner.network, owner.random = network, random.Random(0)
    network.__dict__["owner"] = owner
    kept = KeptTrace()
    is_kept(kept, network)
    assert is_kept(kept, network)
