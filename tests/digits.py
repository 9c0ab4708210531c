"""A small recurrent LIF classifier of scikit-learn's digits, as pure functions of its weights."""

from functools import partial

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

ROWS, CLASSES, STEPS_PER_ROW = 8, 10, 3
OPTIMIZER = optax.adam(1e-2)


def load():
    """Images of shape (samples, rows, columns) in [0, 1], and their labels, in a fixed order."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return np.float32(data.images[order] / 16), data.target[order]


def initial_weights(seed=0, hidden=64):
    rng = np.random.default_rng(seed)
    shapes = {"input": (ROWS, hidden), "recurrent": (hidden, hidden), "readout": (hidden, CLASSES)}
    gains = {"input": 20.0, "recurrent": 1.0, "readout": 3.0}
    draw = lambda name: rng.normal(size=shapes[name]) * gains[name] / shapes[name][0] ** 0.5
    return {name: jnp.asarray(draw(name), jnp.float32) for name in shapes}


def logits(weights, images, surrogate):
    """Read from firing rates after each row was shown for a few steps of 1 ms."""
    rows = jnp.repeat(jnp.swapaxes(images, 0, 1), STEPS_PER_ROW, axis=0)
    neurons = brainpy.state.LIF(
        weights["input"].shape[1], tau=10 * u.ms, V_th=1 * u.mV, spk_fun=surrogate
    )
    brainstate.nn.init_all_states(neurons, batch_size=images.shape[0])

    def step(spikes, row):
        current = row @ weights["input"] + spikes @ weights["recurrent"]
        spikes = neurons(current * u.mA)
        return spikes, spikes

    with brainstate.environ.context(dt=1 * u.ms):
        silence = jnp.zeros((images.shape[0], *neurons.varshape))
        _, spikes = brainstate.transform.scan(step, silence, rows)
    return spikes.mean(axis=0) @ weights["readout"]


def loss(weights, images, labels, surrogate):
    losses = optax.softmax_cross_entropy_with_integer_labels(
        logits(weights, images, surrogate), labels
    )
    return losses.mean()


gradient = jax.jit(jax.grad(loss), static_argnames="surrogate")


def gradient_tolerances(weights, images, labels, surrogate):
    """The difference allowed between gradients whose sums were taken in another order.

    A sum over n neurons rounds by about sqrt(n) units in the last place, once in each time step.
    A last bit may also move one spike of one sample to the other side, and the mean over the batch
    by about the sample's share.
    """
    hidden, steps = len(weights["recurrent"]), ROWS * STEPS_PER_ROW
    rounding = np.finfo(np.float32).eps * np.sqrt(hidden) * steps
    of_each = jax.vmap(partial(gradient, surrogate=surrogate), (None, 0, 0))
    samples = of_each(weights, images[:, None], labels[:, None])
    allowed = {}
    for name, value in gradient(weights, images, labels, surrogate=surrogate).items():
        share = np.abs(samples[name]).max() / len(labels)
        allowed[name] = rounding * np.abs(value).max() + share
    return allowed
