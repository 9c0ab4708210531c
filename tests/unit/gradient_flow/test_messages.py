"""Each mistake gets an error that contains the fix, and the model stays as it was."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from faulty_layers import Plain, Ternary
from flow_networks import Diagonal, Loop, Neurons, RunsAway
from helpers import linear, message_of, untouched
from lif_networks import Network
from small_stacks import BATCH, LOW, STEPS, Layer, N, Stack, inputs

from braintools_qps import (
    QPseudoSpike,
    gradient_flow,
    normalize_rates,
    normalize_surrogate,
    prepare,
    relay_weights,
)

pytestmark = pytest.mark.usefixtures("one_millisecond")
Chain = brainstate.nn.Sequential


class Odd(Layer):
    """A layer with another update."""

    def __init__(self, update):
        super().__init__(1.0)
        self.other = update

    def update(self, x):
        return self.other(self, x)


class ByComparison(brainstate.nn.Module):
    """It spikes by a comparison, which has no gradient."""

    def __init__(self):
        super().__init__()
        self.w, self.v = brainstate.ParamState(jnp.eye(N)), brainstate.HiddenState(jnp.zeros(N))

    def update(self, x):
        self.v.value = 0.9 * self.v.value + x @ self.w.value
        return (self.v.value > 1).astype(float)


class InOneState(brainstate.nn.Module):
    """Its membranes and adaptation are parts of one state."""

    def __init__(self):
        super().__init__()
        self.spk_fun = QPseudoSpike()
        self.both = brainstate.ShortTermState({"v": jnp.zeros((BATCH, N)), "w": jnp.zeros(N)})

    def update(self, x):
        v = 0.9 * self.both.value["v"] + x
        self.both.value = self.both.value | {"v": v}
        return self.spk_fun(v - 1)


def looped(step):
    """What a function gives in the last of two steps of a loop."""
    return brainstate.transform.for_loop(lambda _: step(), np.arange(2))[-1]


def composed_twice(layer, x):
    """Spikes that are put together in two ways."""
    a, b = layer.spk_fun(layer.V.value - 1), layer.spk_fun(1 - layer.V.value)
    layer.V.value = 0.9 * layer.V.value + x @ layer.weights.value
    return (a * b) @ jnp.eye(N) + (a + b) @ jnp.eye(N)


def of_one_sample():
    layer = Layer(1.0)
    layer.V.value = jnp.zeros((1, N))
    return layer


def two_surrogates():
    layer = Layer(1.0)
    layer.act = layer.other = layer.spk_fun
    del layer.spk_fun
    return layer


def of_any_batch():
    model = Stack(Layer(1.0))
    model.layers[0].V.value = jnp.zeros(N)
    return model


def in_half():
    """Weights and membranes in float16."""
    layer = Layer(1.0)
    for state in layer.weights, layer.V:
        state.value = state.value.astype(jnp.float16)
    return Stack(layer)


def sharing():
    weights = Diagonal(0.5)
    return Chain(weights, Neurons(), weights, Neurons())


class Branches(Network):
    """The second layer hears the inputs, too."""

    def __init__(self):
        super().__init__()
        self.beside = linear(12, 12)

    def update(self, x):
        first, second = self.linear
        current = second(self.lif[0](first(x) * u.mA)) + self.beside(x)
        return self.lif[1](current * u.mA)


def relayed_twice():
    """Two layers with the same weights."""
    model = Network()
    model.linear[1] = model.linear[0]
    return model


def restless():
    """A current of 0 is above the threshold."""
    return Chain(*(part for _ in range(2) for part in (Diagonal(), Neurons(-1.0))))


def in_jit(model, inputs):
    jax.jit(lambda x: gradient_flow(model, x)["model"].mean_slope)(inputs)


def layer():
    return Layer(1.0)


def stack():
    return Stack(layer())


def odd(update):
    return lambda: Odd(update)


def middle(spike):
    return lambda: Stack(layer(), Layer(1.0, spike))


PLAIN = lambda: Chain(Diagonal(0.5), Neurons())
LOOP = "Odd spike inside scan within the step"
IN_TIME = jax.random.permutation(jax.random.key(0), (jnp.arange(900) + 0.5) / 900).reshape(50, 3, 6)
IMAGES = jax.random.uniform(jax.random.key(0), (20, 16, 12))
LABELS = np.arange(BATCH)
NARROW = QPseudoSpike(float("inf"), scale=1e-4)
WRONG = np.where(np.arange(300) == 1, 9, np.arange(300) % 2)
SCALE = "Look at its threshold, current and time constant, the units of all"
# By tool, for each mistake: the model, other arguments, and what the message contains.
MISTAKES = {
    gradient_flow: {
        # Models.
        "no neuron": (ByComparison, {}, "Write self.spk_fun = QPseudoSpike(alpha=8)"),
        "spikes in a loop": (odd(lambda m, x: looped(lambda: Layer.update(m, x))), {}, LOOP),
        "composed twice": (odd(composed_twice), {}, "Compute the spikes once, and use that value"),
        "a dictionary as its only state": (
            InOneState, {}, "keep the membrane potential as self.V = brainstate.HiddenState(...)"
        ),
        "a neuron left alone": (
            odd(lambda m, x: x @ m.weights.value), {}, "no neuron both changes V and calls spk_fun"
        ),
        "no real output": (
            odd(lambda m, x: jnp.asarray(Layer.update(m, x), int)), {}, "Return its spikes or a r"
        ),
        "another shape": (of_one_sample, {}, "brainstate.nn.init_all_states(model, batch_size)"),
        "other names": (two_surrogates, {}, "Layer keeps a surrogate as act: call it spk_fun"),
        # Inputs.
        "a number": (layer, {"inputs": 1.0}, "For a single step, pass inputs[None]"),
        "parts of two lengths": (
            layer, {"inputs": {"a": jnp.ones((4, N)), "b": jnp.ones((5, N))}},
            "same numbers of time steps and samples in all parts, got (4, 8), (5, 8)",
        ),
        "a list of numbers": (
            layer, {"inputs": np.ones((4, 3, N)).tolist()},
            "(), (), () and 93 more. A list means several inputs. If it is one, pass jax.numpy.as",
        ),
        "samples with their labels": (
            layer, {"inputs": (np.ones((BATCH, 4, N)), LABELS), "batch_first": True},
            "labels go into labels=, or with their samples into load_task((X, y))",
        ),
        "no features": (stack, {"inputs": jnp.ones(10)}, "matmul"),  # JAX's own
        # Objectives and labels.
        "an objective of a loss and more": (
            layer, {"objective": lambda outputs: (outputs.mean(), outputs)},
            "got shape (), (10, 8, 8). Return its mean or sum, and nothing else",
        ),
        "an objective that is a name": (layer, {"objective": "mse"}, "For example objective=lam"),
        "an error in an objective": (
            layer, {"objective": lambda outputs: outputs["logits"].mean()},
            "objective(outputs), with outputs of the shapes (10, 8, 8). It gets the outputs only",
        ),
        "labels of other samples": (
            stack, {"labels": np.zeros(BATCH - 1)}, "shape (7,) for a batch of 8 Pass inputs of sh"
        ),
        "labels that are one-hot": (
            stack, {"labels": np.zeros((BATCH, STEPS), int)}, "pass labels.argmax(axis=-1)"
        ),
        "labels of every step": (
            stack, {"labels": np.zeros((STEPS, BATCH), int)}, "pass objective=, a function of the"
        ),
        "labels that are NaN": (stack, {"labels": np.full(BATCH, np.nan)}, "Drop these samples"),
        "labels that are missing": (stack, {"labels": ["a", None] * 4}, "Pass integers, strings"),
        "a label without samples": (
            stack, {"inputs": jnp.ones((STEPS, N)), "labels": [1]}, "no axis of samples in the inp"
        ),
        "labels that are too high": (
            stack, {"labels": LABELS}, "be classes from 0 to 1, for this output Got 0 to 7, the f"
        ),
        "a label that is too high among many": (
            of_any_batch, {"inputs": jnp.ones((STEPS, 300, N)), "labels": WRONG}, "Got 0 to 9"
        ),
        "labels that are the same": (stack, {"labels": 0 * LABELS}, "Pass samples of several cl"),
        "too many numbers": (stack, {"labels": np.eye(BATCH)[:, :3]}, "features: 2, for this outp"),
        "labels with a unit": (stack, {"labels": LABELS * u.mV}, "Pass labels.mantissa"),
        "labels and objective": (stack, {"labels": LABELS, "objective": jnp.mean}, "got both"),
    },
    in_jit: {"traced": (layer, {}, "Call it outside of jit")},
    normalize_surrogate: {
        "no mean slope": (stack, {"mean_slope": 0.0}, "For example 0.1"),
        "far from the threshold": (
            stack, {"inputs": 0 * inputs(), "surrogate": NARROW},
            "none in layers.0 gradient_flow(model, inputs) says why",
        ),
        "a function": (
            middle(lambda x: LOW(x)), {}, "for example surrogate={'layers.1': 'QPseudoSpike'}"
        ),
        "-1, 0 and 1": (middle(Ternary()), {}, "must be a Surrogate that sends 0 or 1"),
    },
    normalize_rates: {
        "fires at every step": (
            lambda: Chain(Diagonal(0.1), Neurons(), Diagonal(), Neurons(-0.5)), {},
            f"fires at 1, with the largest it fires at 1 {SCALE}",
        ),
        "never fires": (PLAIN, {"inputs": 0 * IN_TIME}, "Look at the inputs, at how its weights"),
        "infinite above its threshold": (
            lambda: Chain(Diagonal(0.5), RunsAway(5.0)), {},
            f"with the largest its membranes are not finite {SCALE}",
        ),
        "to and fro": (lambda: Loop(11, -10.0, 0.9), {}, "Lower the feedback weights"),
        "shared weights": (sharing, {}, "Use a copy for each"),
        "a rate of 1": (PLAIN, {"rate": 1}, "Pass rate=0.1"),
    },
    relay_weights: {
        "two branches": (Branches, {}, "Use normalize_rates for this model"),
        "one layer twice": (relayed_twice, {}, "exactly one other feeds"),
        "fires at rest": (restless, {"inputs": IN_TIME}, "Lower its bias, or use normalize_rates"),
    },
    prepare: {
        "no neuron": (ByComparison, {}, "self.spk_fun(v - 1) in place of v > 1"),
        "one sample": (layer, {"inputs": inputs()[:, 0]}, "one sequence, pass inputs[:, None]"),
        "NaN": (stack, {"inputs": inputs().at[3, 2, 1].set(jnp.nan)}, "1 value, at step 3, sample"),
        "flat": (stack, {"objective": lambda outputs: jnp.float32(0)}, "objective has no gradient"),
        "labels": (stack, {"labels": [0, 1]}, "labels must be a class"),
        "volts": (
            lambda: Network((12,), V_th=1 * u.volt), {"inputs": IMAGES},
            "prepare cannot fix this, and changed nothing: ",
        ),
        "dead, behind weights that nothing trains": (
            lambda: Stack(layer(), Plain(0.0)), {"labels": LABELS // 4}, "brainstate.ParamState"
        ),
        "float16": (
            in_half, {"inputs": inputs().astype(jnp.float16).at[..., 0].set(0)},
            "in float16 its epsilon, 1e-8, is 0",
        ),
        "a misspelt surrogate": (stack, {"surrogate": "Sigmoyd"}, "Sigmoid"),
        "no parameters": (Plain, {}, "An optimizer trains no weight matrix"),
    },
}  # fmt: skip
INPUTS = {normalize_rates: IN_TIME, relay_weights: IMAGES}
MARKS = {"volts": pytest.mark.thorough, "float16": pytest.mark.float16}
CASES = [
    pytest.param(tool, *row, id=f"{tool.__name__}: {name}", marks=MARKS.get(name, ()))
    for tool, rows in MISTAKES.items()
    for name, row in rows.items()
]


@pytest.mark.parametrize(("tool", "make", "options", "fix"), CASES)
def test_the_message_contains_the_fix(tool, make, options, fix):
    model = make()
    given = {"inputs": INPUTS.get(tool, inputs())} | options
    with untouched(model):
        assert fix in message_of(lambda: tool(model, **given))
