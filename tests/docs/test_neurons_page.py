"""The neurons of docs/guides/neurons.md do what the originals did: tests/data/make_neurons.py."""

import json
import re

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT, assert_close

PAGE = (ROOT / "docs" / "guides" / "neurons.md").read_text("utf-8")
MADE = json.loads((ROOT / "tests" / "data" / "neurons.json").read_text("utf-8"))
CODE = "".join(re.findall(r"```\{code-cell\} ipython3\n(.*?)```", PAGE, re.S)[:-1])
# What the page says to write in another line
RESET, INTEGRATED = "self.V.value = (1 - spikes) * V", "V = self.V.value + x"
CHANGES = {
    "IFNode(v_reset=None)": (RESET, "self.V.value = V - spikes"),
    "IFNode(detach_reset=True)": (RESET, RESET.replace("spikes", "jax.lax.stop_gradient(spikes)")),
    "LIFNode": (INTEGRATED, "V = self.V.value + (x - self.V.value) / 2.0"),
}
CLASSES = {"LIFNode": "IFNode", "IAFCell": "IFNode"}
NORSE = ("IAFCell", "LIFCell", "LICell", "LIFBoxCell")


def neurons_of_the_page(name):
    """The class that the page has for it, with the change that the page says."""
    old, new = CHANGES.get(name, ("", ""))
    namespace = {}
    exec(CODE.replace(old, new), namespace)
    return namespace[CLASSES.get(name, name.partition("(")[0])]


@pytest.mark.parametrize("name", MADE["neurons"])
def test_neurons_spike_and_learn_as_the_original(name):
    surrogate = "norse.superspike" if name in NORSE else "snntorch.fast_sigmoid(slope=2)"

    def weighted(inputs):
        neurons = neurons_of_the_page(name)(3, surrogate)
        neurons.init_state()
        outputs = jnp.stack([neurons.update(x) for x in inputs])
        weights = jnp.arange(1.0, 11.0)[:, None]
        return (weights * outputs).sum(), (outputs, neurons.V.value)

    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        inputs = jnp.asarray(MADE["inputs"])
        gradient, (outputs, membrane) = jax.grad(weighted, has_aux=True)(inputs)
    original = MADE["neurons"][name]
    assert np.ptp(original["outputs"]) >= 1
    # Norse and spyx have constants in float32.
    close = {"rtol": 1e-5, "atol": 1e-6}
    assert_close(outputs, np.array(original["outputs"]), **close)
    assert_close(membrane, np.array(original["membrane"]), **close)
    assert_close(gradient, np.array(original["gradient"]), **close)


def test_the_changes_are_those_that_the_page_says():
    for _, new in CHANGES.values():
        assert f"`{new}`" in PAGE


def test_weights_are_drawn_as_by_pytorch():
    """Deviation and largest value of 400,000 weights and of 1,000 biases."""
    namespace = {}
    exec(CODE, namespace)
    layer = namespace["linear"](400, 1000)
    for name, values in layer.weight.value.items():
        deviation, largest = MADE["linear"][name]
        assert values.std() == pytest.approx(deviation, rel=0.06)
        assert jnp.abs(values).max() == pytest.approx(largest, rel=0.01)
