"""save_memory finds what spikes feed, changes that, and says so."""

import brainstate
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparison_models import SPIKE, Neurons
from faulty_layers import Ternary
from helpers import assert_close, linear, message_of, thorough

from braintools_qps import QPseudoSpike, save_memory

N = 4


class Network(brainstate.nn.Module):
    """Input, a recurrent layer whose spikes wait in a state, a dropout, a readout."""

    def __init__(self, spike=SPIKE, keep=0.8):
        super().__init__()
        self.input, self.recurrent = linear(3, N), linear(N, N)
        self.neurons = Neurons(N, spike=spike)
        self.dropout = brainstate.nn.Dropout(keep)
        self.layers = [linear(N, 2)]
        self.idle = linear(N, N)

    def init_state(self, batch_size=None, **kwargs):
        self.spikes = brainstate.HiddenState(jnp.zeros((batch_size or 1, N)))

    def update(self, x):
        self.spikes.value = self.neurons(self.input(x) + self.recurrent(self.spikes.value))
        return self.layers[0](self.dropout(self.spikes.value))


X = jnp.ones((5, 3))  # one step
INPUTS = jnp.stack([X] * 4)


def test_what_spikes_feed_is_changed_and_the_rest_left_with_a_reason():
    network = Network()
    objects = network.recurrent, network.recurrent.weight
    report = save_memory(network, INPUTS)
    assert dict(report.changed) == {
        "neurons": "QPseudoSpike(alpha=2.0, residual_dtype='uint8')",
        "recurrent": "Linear, spikes in one bit",
        "layers.0": "Linear, spikes in one bit",
    }
    assert dict(report.left) == {
        "input": "its input may hold values other than spikes",
        "idle": "the model does not call it",
    }
    assert network.neurons.spk_fun == QPseudoSpike(residual_dtype="uint8")
    assert isinstance(network.layers[0], brainstate.nn.Linear)
    assert network.recurrent is objects[0]
    assert network.recurrent.weight is objects[1]
    assert "update" not in vars(network.recurrent)


@pytest.mark.parametrize("fit", [True, thorough(False)])
def test_gradients_stay_to_the_rounding_of_8_bit_slopes(fit):
    """After a dropout a spike is 1/0.7 in training, which is no round number, and 1 otherwise."""

    def gradients(frugal):
        brainstate.random.seed(0)
        network = Network(keep=0.7)
        if frugal:
            save_memory(network, INPUTS)
        layers = network.input, network.recurrent, network.layers[0]
        weights = [layer.weight for layer in layers]

        def loss():
            brainstate.nn.init_all_states(network, 5)
            brainstate.random.seed(1)
            with brainstate.environ.context(fit=fit):
                outputs = brainstate.transform.for_loop(network, 3 * jnp.stack([X, -X, X, X]))
            return jnp.sum(jnp.sin(outputs))

        return brainstate.transform.jit(brainstate.transform.grad(loss, weights))()

    plain, frugal = gradients(False), gradients(True)
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(frugal)):
        assert_close(other, one, rtol=0, atol=0.02 * float(np.abs(one).max()) + 1e-6)
        assert np.abs(one).max() > 0.01


class Gain(Network):
    def update(self, x):
        super().update(x)
        return self.idle(3 * self.spikes.value)


class Inner(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.input, self.neurons, self.readout = linear(3, N), Neurons(N), linear(N, 2)

    def update(self, x):
        return self.readout(self.neurons(self.input(x)))


class Outer(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        inner = Inner()
        brainstate.nn.vmap_init_all_states(inner, axis_size=5, state_tag="new")
        self.mapped = brainstate.nn.Vmap(inner, vmap_states="new", vmap_out_states="new")

    def update(self, x):
        return self.mapped(x)


class Own(braintools.surrogate.Surrogate):
    def __call__(self, x):
        return (x >= 0 * u.mV).astype(jnp.float32)


class Measured(Network):
    """In millivolts `Scaled` would not know what counts as 1."""

    def __init__(self, unit, spike):
        super().__init__(spike)
        self.unit = unit

    def update(self, x):
        return self.neurons.spk_fun(self.input(x) * self.unit)


class Images(brainstate.nn.Module):
    """Spikes that pass through a convolution, a pool and other convolutions."""

    def __init__(self):
        super().__init__()
        self.first = brainstate.nn.Conv2d((8, 8, 2), 4, 3)
        self.neurons = Neurons(8, 8, 4)
        self.pool = brainstate.nn.MaxPool2d(2, 2, channel_axis=-1, in_size=(8, 8, 4))
        self.second = brainstate.nn.Conv2d((4, 4, 4), 4, 3)
        self.line = brainstate.nn.Conv1d((16, 4), 2, 3)

    def update(self, x):
        pooled = self.pool(self.neurons(self.first(x)))
        return self.second(pooled), self.line(pooled.reshape(-1, 16, 4))


class Plain(Network):
    """Products of its own: with spikes alone, beside floats, and of floats."""

    def __init__(self):
        super().__init__()
        self.weights = brainstate.ParamState(jnp.ones((2, N)))

    def update(self, x):
        super().update(x)
        both = jnp.concatenate([x, self.spikes.value], axis=-1)
        return self.idle(both[:, :N]), both @ jnp.ones((3 + N, N)), x[:, :2] @ self.weights.value


class Sequence(Network):
    """A model with its own loop."""

    def update(self, xs):
        return brainstate.transform.for_loop(super().update, xs)


def looping():
    network = Sequence()
    brainstate.nn.init_all_states(network, 5)
    return network


class Delayed(Network):
    """The recurrent spikes come two steps later."""

    def __init__(self):
        super().__init__()
        self.delay = brainstate.nn.Delay(jax.ShapeDtypeStruct((5, N), jnp.float32))
        self.delay.register_entry("late", 2 * u.ms)

    def update(self, x):
        late = self.delay.at("late")
        self.delay.update(self.neurons(self.input(x) + self.recurrent(late)))
        return self.layers[0](late)


class Changing(Network):
    """Spikes at step 0, currents later: a step knows its index and its time."""

    def update(self, x):
        spikes = (super().update(x)[:, :1] >= 0).astype(float)
        first = (brainstate.environ.get("i") == 0) & (brainstate.environ.get("t") < 1 * u.ms)
        return self.idle(jnp.where(first, spikes, 0.3 * x[:, :1]) * jnp.ones((1, N)))


class Reshaping(Network):
    """As a convolutional network makes an image of its input."""

    def update(self, x):
        return super().update(x.reshape(5, 3))


BITS = "Linear, spikes in one bit"
GRADED = "its input may hold values other than spikes"
NO_SURROGATE = " is no Surrogate that sends 0 or 1"
CASES = {
    "a gain, the same in training and evaluation": (
        Gain, INPUTS, {"idle": BITS}, {},
    ),
    "within Vmap": (
        Outer, INPUTS, {"mapped.neurons": "QPseudoSpike(", "mapped.readout": BITS},
        {"mapped.input": GRADED},
    ),
    "a convolution and a pool": (
        Images, jnp.ones((2, 5, 8, 8, 2)), {"second": "Conv2d, spikes", "line": "Conv1d, spikes"},
        {"first": GRADED},
    ),
    "behind a delay": (
        Delayed, INPUTS, {"recurrent": BITS}, {"input": GRADED},
    ),
    "a sequence as one step": (
        looping, INPUTS[None], {"recurrent": BITS, "layers.0": BITS}, {},
    ),
    "booleans": (Network, INPUTS > 0, {"input": BITS, "recurrent": BITS}, {}),
    "reshaped": (Reshaping, INPUTS, {"recurrent": BITS}, {}),
    "braintools' surrogate": (
        lambda: Network(braintools.surrogate.Sigmoid()), INPUTS,
        {"neurons": "Scaled(surrogate=Sigmoid(alpha=4.0), residual", "recurrent": BITS},
        {"input": GRADED, "idle": "the model does not call it"},
    ),
    "a comparison": (
        lambda: Network(lambda x: (x >= 0).astype(x.dtype)), INPUTS, {"recurrent": BITS},
        {"neurons": NO_SURROGATE},
    ),
    "ternary": (
        lambda: Network(Ternary()), INPUTS, {}, {"neurons": NO_SURROGATE, "recurrent": GRADED},
    ),
    "a unit": (
        lambda: Measured(u.mV, Own()), INPUTS, {},
        {"neurons": "scale=...) first, with a scale in mV"},
    ),
    "a ratio of units": (
        lambda: Measured(u.mV / u.volt, braintools.surrogate.Sigmoid()), INPUTS,
        {"neurons": "Scaled(surrogate=Sigmoid("}, {},
    ),
    "products of its own": (
        Plain, INPUTS, {"Plain": "Plain, 4 of 7 inputs in one bit", "recurrent": BITS},
        {"idle": GRADED},
    ),
    "no step stands for all": (Changing, INPUTS, {}, {"idle": GRADED}),
}  # fmt: skip


@pytest.mark.parametrize(("make", "inputs", "changed", "left"), CASES.values(), ids=CASES)
def test_what_is_changed_and_what_is_left(make, inputs, changed, left):
    with brainstate.environ.context(dt=1 * u.ms):
        model = make()
        report = save_memory(model, inputs)
        again = save_memory(model, inputs).left
    assert all(report.changed[layer].startswith(kind) for layer, kind in changed.items())
    assert all(report.left[layer].endswith(why) for layer, why in left.items())
    bits = {layer for layer, kind in report.changed.items() if kind.endswith("one bit")}
    assert all(again[layer] == "its spikes take one bit already" for layer in bits)


class Checkpointed(Network):
    """A product that is computed twice, so that its result is not stored."""

    def update(self, x):
        super().update(x)
        again = jax.checkpoint(lambda spikes, weights: jnp.sin(spikes @ weights))
        return self.recurrent(self.spikes.value), again(self.spikes.value, jnp.ones((N, N)))


def test_a_checkpoint_of_the_model_stays():
    network = Checkpointed()
    brainstate.nn.init_all_states(network, 5)
    save_memory(network, INPUTS)
    with brainstate.environ.context(fit=False):
        step = brainstate.transform.StatefulFunction(network).make_jaxpr(X)
    assert "prevent_cse" in str(step.get_jaxpr(X))


@pytest.mark.parametrize(
    ("make", "inputs", "fix"),
    [
        (lambda: linear(3, 4), INPUTS, "Linear has no surrogate gradient:"),
        (Reshaping, X, "one step, pass inputs[None]"),
    ],
)
def test_the_message_contains_the_fix(make, inputs, fix):
    assert fix in message_of(lambda: save_memory(make(), inputs))


def test_a_model_that_is_changed_within_a_trace_is_changed_as_outside_of_one():
    """As in a factory that compare calls: its states are initialised there, and must be known."""
    reports, network = [], Network()
    jax.jit(lambda: reports.append(save_memory(network, INPUTS)))()
    assert reports == [save_memory(Network(), INPUTS)]
