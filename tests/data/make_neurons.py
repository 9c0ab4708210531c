"""Writes neurons.json: what neurons of other libraries make of ten steps of input, in float64.

For each: outputs, membrane after the last step, and the gradient of the outputs, weighted by 1, 2,
... 10, with respect to the inputs. (Constants of Norse and spyx are float32.) Run it with ``python
tests/data/make_neurons.py`` where torch, snntorch, spikingjelly, norse and spyx are installed.
"""

import json
from importlib.metadata import version
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np  # noqa: E402
import snntorch  # noqa: E402
import spyx.nn  # noqa: E402
import torch  # noqa: E402
from flax import nnx  # noqa: E402
from norse.torch import IAFCell, LICell, LIFBoxCell, LIFCell  # noqa: E402
from snntorch.surrogate import fast_sigmoid  # noqa: E402
from spikingjelly.activation_based import neuron, surrogate  # noqa: E402
from spyx.axn import superspike  # noqa: E402

INPUTS = np.random.default_rng(0).uniform([0, 0, 0], [1.5, 3, 15], (10, 3)).round(7)
WEIGHTS = np.arange(1.0, 11.0)[:, None]
soft = surrogate.SoftSign(alpha=2)


def in_torch(step):
    """Results of ``step(x, state)``, which returns outputs, state and the membrane."""
    inputs = torch.tensor(INPUTS, requires_grad=True)
    outputs, state = [], None
    for x in inputs:
        output, state, membrane = step(x, state)
        outputs.append(output)
    outputs = torch.stack(outputs)
    (torch.tensor(WEIGHTS) * outputs).sum().backward()
    return [part.detach().numpy() for part in (outputs, membrane, inputs.grad)]


def norse(cell):
    def step(x, state):
        output, state = cell(x, state)
        return output, state, state.v

    return in_torch(step)


def spikingjelly(node):
    return in_torch(lambda x, _: (node(x), None, node.v))


def snntorch_leaky():
    leaky = snntorch.Leaky(beta=0.9, spike_grad=fast_sigmoid(slope=2)).double()

    def step(x, membrane):
        spikes, membrane = leaky(x, torch.zeros(3).double() if membrane is None else membrane)
        return spikes, membrane, membrane

    return in_torch(step)


def spyx_neuron(neurons):
    def run(inputs):
        outputs, membrane = spyx.nn.run(neurons, inputs[:, None])
        return (WEIGHTS * outputs[:, 0]).sum(), (outputs[:, 0], membrane[0])

    gradient, (outputs, membrane) = jax.grad(run, has_aux=True)(INPUTS)
    return outputs, membrane, gradient


rngs = nnx.Rngs(0)
spyx_lif = spyx.nn.LIF((3,), beta=0.9, activation=superspike(k=2), rngs=rngs)
jelly = {"surrogate_function": soft}
MADE = {
    "Leaky": snntorch_leaky(),
    "IFNode": spikingjelly(neuron.IFNode(**jelly)),
    "IFNode(v_reset=None)": spikingjelly(neuron.IFNode(v_reset=None, **jelly)),
    "IFNode(detach_reset=True)": spikingjelly(neuron.IFNode(detach_reset=True, **jelly)),
    "LIFNode": spikingjelly(neuron.LIFNode(**jelly)),
    "IAFCell": norse(IAFCell()),
    "LIF": spyx_neuron(spyx_lif),
    "LI": spyx_neuron(spyx.nn.LI((3,), beta=0.8, rngs=rngs)),
    "LIFCell": norse(LIFCell()),
    "LICell": norse(LICell()),
    "LIFBoxCell": norse(LIFBoxCell()),
}
LIBRARIES = ("torch", "snntorch", "spikingjelly", "norse", "spyx")
names = ("outputs", "membrane", "gradient")
record = {
    "versions": {name: version(name) for name in LIBRARIES},
    "inputs": INPUTS.tolist(),
    "neurons": {
        name: dict(zip(names, (np.round(part, 7).tolist() for part in parts)))
        for name, parts in MADE.items()
    },
    "linear": {
        name: [float(part.std().detach()), float(part.abs().max().detach())]
        for name, part in torch.nn.Linear(400, 1000).named_parameters()
    },
}
Path(__file__).with_name("neurons.json").write_text(json.dumps(record) + "\n")
