"""set_surrogate on the neurons of brainpy.state and brainspikes, in networks."""

import brainstate
import brainunit as u
import pytest

from braintools_qps import QPseudoSpike, set_surrogate


@pytest.mark.parametrize(
    ("library", "neuron"), [("brainpy.state", "LIF"), ("brainspike", "iaf_psc_exp")]
)
def test_every_neuron_of_a_network_is_reached(library, neuron):
    library = pytest.importorskip(library, reason=f"{library} is not installed")
    neuron = getattr(library, neuron)
    with brainstate.environ.context(dt=0.1 * u.ms):
        network = brainstate.nn.Sequential(
            brainstate.nn.Linear(3, 4), neuron(4), brainstate.nn.Linear(4, 2), neuron(2)
        )
    assert set_surrogate(network, "q_pseudo_spike(alpha=1.5)") == 2
    found = [layer.spk_fun for layer in network.layers if isinstance(layer, neuron)]
    assert found == [QPseudoSpike(1.5)] * 2
