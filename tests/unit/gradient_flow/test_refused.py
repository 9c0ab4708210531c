"""Models, inputs and options that gradient_flow refuses: one table of all."""

from functools import partial

import brainpy
import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_stacks
from flow_networks import BATCH, SURROGATE, Layer, N, weights_and_inputs

from braintools_qps import gradient_flow

gradient_flow = partial(gradient_flow, trial=False)  # what is measured

WEIGHTS, INPUTS = weights_and_inputs()
spikes_again = lambda layer: brainstate.transform.for_loop(
    lambda _: layer.spk_fun(layer.V.value - 1), np.arange(2)
)[-1]


class Changed(Layer):
    """A layer with another update."""

    def __init__(self, change, **options):
        super().__init__(WEIGHTS, SURROGATE, **options)
        self.change = change

    def update(self, x):
        return self.change(self, x)


class InOneState(brainstate.nn.Module):
    """Its membranes and adaptation are parts of one state."""

    def __init__(self):
        super().__init__()
        self.spk_fun = SURROGATE
        self.both = brainstate.ShortTermState({"v": jnp.zeros((BATCH, N)), "w": jnp.zeros(N)})

    def update(self, x):
        v = 0.9 * self.both.value["v"] + x
        self.both.value = self.both.value | {"v": v}
        return self.spk_fun(v - 1)


class Wrapper(brainstate.nn.Module):
    def __init__(self, neurons):
        super().__init__()
        self.neurons = neurons

    def update(self, x):
        return self.neurons(5 * x * u.mA)


def lif():
    return Wrapper(brainpy.state.LIF(N, spk_fun=SURROGATE))


def layer(**options):
    return Layer(WEIGHTS, SURROGATE, **options)


def two_surrogates():
    network = layer(names=("V", "act"))
    network.other = SURROGATE
    return network


def half():
    network = layer()
    network.V.value = network.V.value.astype("float16")
    return network


LOOP = "Changed spike inside scan within the step"
REFUSED = {
    # Models.
    "no neuron": (
        lambda: brainstate.nn.Linear(N, 2), INPUTS, {},
        "Linear has no surrogate gradient: no node has an attribute spk_fun",
    ),
    "spikes in a loop": (
        lambda: Changed(lambda m, x: brainstate.transform.for_loop(
            lambda _: Layer.update(m, x), np.arange(2))[-1]), INPUTS, {}, LOOP,
    ),
    "spikes in a loop, too": (  # they would keep the model's surrogate, not the candidate's
        lambda: Changed(lambda m, x: Layer.update(m, x + 0.1 * spikes_again(m))), INPUTS, {}, LOOP,
    ),
    "a dictionary as its only state": (
        InOneState, INPUTS, {}, r"no such state is in InOneState: .* as self\.V = brainstate\.Hid",
    ),
    "a membrane that stands still": (
        lambda: Changed(lambda m, x: m.spk_fun(m.V.value + x)), INPUTS, {},
        "Changed spike without a change of V",
    ),
    "a neuron left alone": (
        lambda: Changed(lambda m, x: x @ m.weights.value), INPUTS, {},
        "no neuron both changes V and calls spk_fun in a step",
    ),
    "no real output": (
        lambda: Changed(lambda m, x: jnp.asarray(Layer.update(m, x), int)), INPUTS, {},
        "return an array of real numbers at each step, got none",
    ),
    "no real output for an objective": (
        lambda: Changed(lambda m, x: jnp.asarray(Layer.update(m, x), int)), INPUTS,
        {"objective": lambda outputs: outputs.mean()},
        "return an array of real numbers at each step, got none",
    ),
    "another shape": (
        lambda: layer(shape=(1, N)), INPUTS, {}, r"V of shape \(1, 6\).*init_all_states"
    ),
    "another dtype": (half, INPUTS, {}, r"dtype float16 before .* \(3, 6\), float32 after it"),
    "a classic neuron": (
        lambda: Wrapper(brainpy.dyn.Lif(4)), jnp.ones((3, 2, 4)), {},
        r"Lif is one of brainpy's classic .*brainpy\.state\.LIF",
    ),
    "two surrogates of other names": (
        two_surrogates, INPUTS, {},
        "Layer has none: Layer keeps a surrogate as act: call it spk_fun",
    ),
    # Inputs.
    "a number": (lif, 1.0, {}, r"shape \(time, features\) .*, got \(\)\. For a single"),
    "no step": (lif, jnp.ones((0, BATCH, N)), {}, r"without an empty axis .*, got \(0, 3, 6\)"),
    "a part without steps": (lif, [jnp.ones((4, N)), 1.0], {}, r"empty .*, got \(4, 6\), \(\)"),
    "nothing": (lif, [], {}, "empty axis .*, got nothing"),
    "no sample": (lif, jnp.ones((4, 0, N)), {}, r"without an empty axis .*, got \(4, 0, 6\)"),
    "parts of two lengths": (
        lif, {"one": jnp.ones((4, N)), "other": jnp.ones((5, N))}, {},
        r"same numbers of time steps and samples .*, got \(4, 6\), \(5, 6\)",
    ),
    "a list of numbers": (
        lif, np.ones((4, 3, N)).tolist(), {},
        r"\(\), \(\), \(\) and 69 more. A list .*jax.numpy.asarr.* go into labels=, or",
    ),
    "samples with their labels": (
        lif, (np.ones((BATCH, 4, N)), np.arange(BATCH)), {"batch_first": True},
        r"got \(4, 3, 6\), \(3,\)\. .* labels=, or with their samples into load_task\(\(X, y\)\)$",
    ),
    # Options.
    "an objective of many values": (
        layer, INPUTS, {"objective": lambda outputs: outputs},
        r"must return a scalar, got shape \(12, 3, 6\)",
    ),
    "an objective of a loss and more": (
        layer, INPUTS, {"objective": lambda outputs: (outputs.mean(), outputs)},
        r"must return a scalar, got shape \(\), \(12, 3, 6\)\. Return its mean or sum, and nothing",
    ),
    "an objective that is a name": (
        lif, INPUTS, {"objective": "mse"}, "objective must be a function .*, got 'mse'. For exampl",
    ),
    "a voltage without a scale": (
        lambda: Layer(WEIGHTS, SURROGATE.replace(scale=1.0 * u.mV), unit=u.mV), INPUTS,
        {"surrogates": ["QPseudoSpike"]}, "needs a scale",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    make, inputs, options, match = REFUSED[name]
    errors = (ValueError, TypeError, u.UnitMismatchError)
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(errors, match=match):
        gradient_flow(make(), inputs, **options)


def test_inputs_that_jax_traces_have_no_values():
    with pytest.raises(ValueError, match="inputs that jax is tracing. Call it outside of jit"):
        jax.jit(lambda x: gradient_flow(layer(), x)["model"].mean_slope)(INPUTS)


def test_the_error_of_a_model_that_takes_no_scalars_is_its_own():
    with pytest.raises(ValueError, match="matmul"):
        gradient_flow(small_stacks.Stack(small_stacks.Layer(1.0)), jnp.ones(10))


def test_an_error_in_an_objective_says_what_the_outputs_are():
    make, inputs, *_ = REFUSED["an objective of many values"]
    with pytest.raises(TypeError) as caught:
        gradient_flow(make(), inputs, objective=lambda outputs: outputs["logits"].mean())
    assert "objective(outputs), with outputs of the shapes (12, 3, 6)" in caught.value.__notes__[0]
