"""The paper's conditions I to IV beside our rule, for a recurrent layer that reads digits.

``python -m benchmarks.conditions`` trains in plain JAX and writes docs/results/conditions.json,
which the page "Theory" quotes.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

from braintools_qps import QPseudoSpike

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "conditions.json"
SEEDS, EPOCHS, WIDTH, DECAY = range(20), 40, 64, 0.8
BATCH, QS = 100, np.geomspace(1.01, 20, 40).tolist()
OPTIMIZER = optax.adam(0.01)

pixels, labels = load_digits(return_X_y=True)
X = jnp.asarray(np.repeat(pixels.reshape(-1, 8, 8) / 8, 2, axis=1), jnp.float32)  # 16 rows
Y = jnp.asarray(labels)
TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(0).permutation(len(X)), [1000, 1400])


class Weights(NamedTuple):
    inputs: jax.Array
    recurrent: jax.Array
    readout: jax.Array


def initial(seed: int, mean: float = 0.0, deviation: float | None = None) -> Weights:
    """Weights of a deviation that keeps variances, unless one is given for the recurrent ones."""
    keys = jax.random.split(jax.random.key(seed), 3)
    shapes = (8, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)
    made = [jax.random.normal(k, s) / np.sqrt(s[0]) for k, s in zip(keys, shapes)]
    if deviation is not None:
        made[1] = mean + deviation * np.sqrt(WIDTH) * made[1]
    return Weights(*made)


def outputs(weights: Weights, rows: jax.Array, surrogate: QPseudoSpike):
    """The readout at the end, and the distance of every membrane from threshold 1."""

    def step(carry, row):
        v, spikes, out = carry
        v = DECAY * v * (1 - jax.lax.stop_gradient(spikes))
        v = v + row @ weights.inputs + spikes @ weights.recurrent
        spikes = surrogate(v - 1)
        return (v, spikes, 0.9 * out + spikes @ weights.readout), v - 1

    zeros = jnp.zeros((len(rows), WIDTH))
    carry = zeros, zeros, jnp.zeros((len(rows), 10))
    (_, _, out), distances = jax.lax.scan(step, carry, jnp.swapaxes(X[rows], 0, 1))
    return out, distances


def loss(weights: Weights, rows: jax.Array, surrogate: QPseudoSpike) -> jax.Array:
    out, _ = outputs(weights, rows, surrogate)
    return optax.softmax_cross_entropy_with_integer_labels(out, Y[rows]).mean()


@partial(jax.jit, static_argnames="surrogate")
def epoch(weights, memory, batches, surrogate):
    """The weights and the optimizer's state after one step for each batch."""

    def step(carry, rows):
        weights, memory = carry
        changes, memory = OPTIMIZER.update(jax.grad(loss)(weights, rows, surrogate), memory)
        return (optax.apply_updates(weights, changes), memory), None

    return jax.lax.scan(step, (weights, memory), batches)[0]


def accuracy(seed: int, weights: Weights, surrogate: QPseudoSpike) -> float:
    """The test accuracy after training."""
    rng = np.random.default_rng(seed)
    memory = OPTIMIZER.init(weights)
    for _ in range(EPOCHS):
        batches = rng.permutation(TRAIN).reshape(-1, BATCH)
        weights, memory = epoch(weights, memory, batches, surrogate)
    return float(jnp.mean(jnp.argmax(outputs(weights, TEST, surrogate)[0], -1) == Y[TEST]))


def low(seed: int, alpha: float = 8.0, wanted: float = 0.1) -> tuple[Weights, QPseudoSpike]:
    """Our rule: the dampening at which the mean slope before training is at most 0.1."""
    weights, surrogate = initial(seed), QPseudoSpike(alpha)
    _, distances = outputs(weights, TRAIN[:BATCH], surrogate)
    mean = float(surrogate.surrogate_grad(distances).mean())
    return weights, surrogate.replace(dampening=min(1.0, wanted / mean))


def by_conditions(seed: int) -> tuple[Weights, QPseudoSpike]:
    """The paper's rule: weights by I and II, dampening by III, q by IV."""
    weights = initial(seed)
    mean = (2 - DECAY) / (WIDTH - 1)
    second = float(jnp.mean(X[TRAIN] ** 2))
    variance = second * float(weights.inputs.var()) * 8 / (WIDTH - 1) - mean**2 / 2
    weights = initial(seed, mean, np.sqrt(max(variance, 0.0)))
    q, dampening = third_and_fourth(weights)
    return weights, QPseudoSpike.from_q(q, dampening=dampening)


def third_and_fourth(weights: Weights) -> tuple[float, float]:
    """The q and the dampening, as on the page "Theory"."""
    inputs, recurrent = map(np.asarray, weights[:2])
    positive = lambda w: np.maximum(w, 0).sum(axis=0).mean()
    dampening = (1 - DECAY) / positive(recurrent)
    highest = (positive(recurrent) + positive(inputs)) / (1 - DECAY)
    lowest = -(positive(-recurrent) + positive(-inputs)) / (1 - DECAY)
    distances = np.linspace(lowest, highest, 2001) - 1

    def excess(q):
        slopes = QPseudoSpike.from_q(q, dampening=dampening).surrogate_grad(distances)
        moment = np.square(slopes).mean() * np.square(recurrent).mean()
        return abs(DECAY**2 / 2 + (WIDTH - 1) * moment - 1)

    return min(QS, key=excess), float(dampening)


def main() -> None:
    settings = {
        "default": lambda seed: (initial(seed), QPseudoSpike()),
        "mean slope 0.1": low,
        "conditions": by_conditions,
        "conditions, mean slope 0.1": lambda seed: (by_conditions(seed)[0], low(seed)[1]),
    }
    table = {"epochs": EPOCHS, "seeds": len(SEEDS), "accuracy": {}}
    for name, setting in settings.items():
        scores = [accuracy(seed, *setting(seed)) for seed in SEEDS]
        error = np.std(scores, ddof=1) / np.sqrt(len(scores))
        table["accuracy"][name] = {
            "mean": round(float(np.mean(scores)), 3),
            "standard error": round(float(error), 3),
            "surrogate of the first seed": repr(setting(0)[1]),
        }
        print(name, table["accuracy"][name], flush=True)
    RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
