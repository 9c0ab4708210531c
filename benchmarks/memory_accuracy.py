"""``python -m benchmarks.memory_accuracy``: test accuracy with and without `save_memory`.

A recurrent LIF network learns scikit-learn's digits, with each image as a constant current. Both
start from the same weights and see the same batches; five seeds.
"""

from __future__ import annotations

import statistics

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

from .memory import CONTESTANTS, Network

SEEDS, EPOCHS, BATCH, STEPS, NEURONS = 5, 30, 128, 20, 64
TRAINING = 1437  # samples
GAIN = 8.0  # of the pixels, so that neurons spike from the start
OPTIMIZER = optax.adam(1e-2)


def load() -> tuple[np.ndarray, np.ndarray]:
    """Images of 64 pixels in [0, GAIN], and their labels, in a fixed order."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return np.float32(GAIN * data.data[order] / 16), data.target[order]


def logits(network: Network, images: jax.Array) -> jax.Array:
    """The readout, summed over the steps."""
    brainstate.nn.init_all_states(network, len(images))
    brainstate.transform.for_loop(lambda _: network(images), jnp.arange(STEPS))
    return network.logits.value / STEPS


def test_accuracy(name: str, seed: int) -> float:
    """Share of the held-out samples that are classified correctly after training."""
    brainstate.random.seed(seed)
    network = Network(CONTESTANTS[name], NEURONS, recurrent=True)
    CONTESTANTS[name].treat(network, jnp.zeros((STEPS, BATCH, 64)))
    train(network, seed)
    images, labels = (data[TRAINING:] for data in load())
    return float(jnp.mean(logits(network, images).argmax(axis=1) == labels))


def train(network: Network, seed: int) -> None:
    """Train with Adam on batches that the seed draws."""
    images, labels = (data[:TRAINING] for data in load())
    weights = network.states(brainstate.ParamState)
    memory = brainstate.State(OPTIMIZER.init({n: w.value for n, w in weights.items()}))
    step = brainstate.transform.jit(lambda *batch: _descend(network, weights, memory, *batch))
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        for chosen in np.split(
            rng.permutation(TRAINING)[: TRAINING // BATCH * BATCH], TRAINING // BATCH
        ):
            step(images[chosen], labels[chosen])


def _descend(network, weights, memory, images, labels) -> None:
    def loss():
        losses = optax.softmax_cross_entropy_with_integer_labels(logits(network, images), labels)
        return losses.mean()

    values = {name: weight.value for name, weight in weights.items()}
    gradients = brainstate.transform.grad(loss, weights)()
    updates, memory.value = OPTIMIZER.update(dict(gradients), memory.value)
    for name, value in optax.apply_updates(values, updates).items():
        weights[name].value = value


def main() -> None:
    print("| | test accuracy |\n| --- | --- |")
    for name in ("plain", "save_memory"):
        runs = [100 * test_accuracy(name, seed) for seed in range(SEEDS)]
        print(
            f"| {name} | {statistics.mean(runs):.1f} ± {statistics.stdev(runs):.1f}% |", flush=True
        )


if __name__ == "__main__":
    with brainstate.environ.context(dt=1.0 * u.ms):
        main()
