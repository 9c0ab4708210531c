"""braincell: conductance-based cells, whose threshold detection takes the surrogate."""

import brainstate
import braintools.init
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike

braincell = pytest.importorskip("braincell", reason="braincell is not installed")

SIZE, STEPS = 3, 600
OURS, THEIRS = QPseudoSpike(alpha=2.0), braintools.surrogate.QPseudoSpike(alpha=2.0)


class HodgkinHuxley(braincell.SingleCompartment):
    """A point neuron with sodium, potassium and leak."""

    def __init__(self, surrogate):
        rest = braintools.init.Constant(-65.0 * u.mV)
        super().__init__(SIZE, spk_fun=surrogate, solver="euler", V_initializer=rest)
        self.na = braincell.ion.SodiumFixed(SIZE, E=50.0 * u.mV)
        self.na.add(INa=braincell.channel.Na_HH1952(SIZE))
        self.k = braincell.ion.PotassiumFixed(SIZE, E=-77.0 * u.mV)
        self.k.add(IK=braincell.channel.K_HH1952(SIZE))
        self.IL = braincell.channel.IL(SIZE, E=-54.387 * u.mV, g_max=0.03 * u.mS / u.cm**2)


def spikes_of(surrogate, current):
    """Spikes of shape (steps, neurons), and the membrane with them."""
    cell = HodgkinHuxley(surrogate)
    cell.init_state()

    def step(i):
        with brainstate.environ.context(i=i, t=i * brainstate.environ.get_dt()):
            return cell.update(current), cell.V.value

    return brainstate.transform.for_loop(step, jnp.arange(STEPS))


@pytest.fixture(autouse=True)
def _float64():
    """Gradients through an action potential grow by orders of magnitude, rounding errors too."""
    with jax.enable_x64(True), brainstate.environ.context(precision=64, dt=0.02 * u.ms):
        yield


CURRENT = np.array([2.0, 10.0, 20.0]) * u.uA / u.cm**2


def spikes_and_gradient(surrogate):
    def loss(current):
        spikes, V = spikes_of(surrogate, current)
        return jnp.sum(spikes * np.random.default_rng(0).normal(size=spikes.shape)), (spikes, V)

    gradient, (spikes, V) = u.autograd.grad(loss, has_aux=True)(CURRENT)
    return spikes, V, gradient


@pytest.mark.thorough
def test_spikes_and_gradients_of_an_action_potential():
    spikes, V, ours = spikes_and_gradient(OURS)
    expected, _, theirs = spikes_and_gradient(THEIRS)
    assert jnp.array_equal(spikes, expected)
    upward = (V[1:] >= 0 * u.mV) & (V[:-1] < 0 * u.mV)
    assert jnp.array_equal(spikes[1:].astype(bool), upward)
    assert spikes.sum() >= 2
    assert u.get_unit(ours).dim == (1 / u.get_unit(CURRENT)).dim
    largest = float(jnp.abs(u.get_mantissa(theirs)).max())
    assert 0 < largest < np.inf
    assert_close(ours, theirs, rtol=0, atol=1e-6 * largest)
