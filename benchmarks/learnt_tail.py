"""A surrogate that is learnt while the network trains, for two layers that read digits.

``python -m benchmarks.learnt_tail`` trains in plain JAX and writes docs/results/learnt_tail.json,
which the page "Annealing and learning alpha" quotes. Take JAX 0.12: JAX 0.10 forgets derivative
rules in a scan.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

from braintools_qps import QPseudoSpike

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "learnt_tail.json"
SEEDS, EPOCHS, WIDTH, BATCH, UNROLLED = range(5), 20, 64, 100, 5
OPTIMIZER, META = optax.sgd(0.1, momentum=0.9), optax.adam(0.05)

pixels, labels = load_digits(return_X_y=True)
X = jnp.asarray(np.repeat(pixels.reshape(-1, 8, 8) / 8, 2, axis=1), jnp.float32)  # 16 rows
Y = jnp.asarray(labels)
TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(0).permutation(len(X)), [1000, 1400])


def initial(seed: int) -> list[jax.Array]:
    keys, sizes = jax.random.split(jax.random.key(seed), 3), (8, WIDTH, WIDTH, 10)
    return [
        jax.random.normal(key, (fan_in, fan_out)) / np.sqrt(fan_in)
        for key, fan_in, fan_out in zip(keys, sizes, sizes[1:])
    ]


def readout(weights, rows, surrogate):
    def step(carry, row):
        *potentials, out = carry
        for layer, potential in enumerate(potentials):
            potential = 0.8 * potential + row @ weights[layer]
            row = surrogate(potential - 1)
            potentials[layer] = potential * (1 - jax.lax.stop_gradient(row))
        return (*potentials, 0.9 * out + row @ weights[2]), None

    zeros = jnp.zeros((len(rows), WIDTH))
    carry = zeros, zeros, jnp.zeros((len(rows), 10))
    return jax.lax.scan(step, carry, jnp.swapaxes(X[rows], 0, 1))[0][-1]


def loss(weights, rows, surrogate):
    out = readout(weights, rows, surrogate)
    return optax.softmax_cross_entropy_with_integer_labels(out, Y[rows]).mean()


@partial(jax.jit, static_argnames="learns")
def advanced(weights, memory, batches, held_out, shape, meta, learns):
    """Some training steps; then one of the surrogate, by the loss on samples held out."""

    def after(shape):
        surrogate = QPseudoSpike(jnp.exp(shape["alpha"]), dampening=jnp.exp(shape["dampening"]))

        def step(carry, rows):
            weights, memory = carry
            changes, memory = OPTIMIZER.update(jax.grad(loss)(weights, rows, surrogate), memory)
            return (optax.apply_updates(weights, changes), memory), None

        state, _ = jax.lax.scan(step, (weights, memory), batches)
        return loss(state[0], held_out, surrogate), state

    if not learns:
        return *after(shape)[1], shape, meta
    slopes, state = jax.grad(after, has_aux=True)(shape)
    changes, meta = META.update(slopes, meta)
    return *state, optax.apply_updates(shape, changes), meta


def run(seed: int, alpha: float, dampening: float, learns: bool) -> dict[str, float]:
    """Train, and report the test accuracy, the shape at the end and the seconds per epoch."""
    rng = np.random.default_rng(seed)
    weights, shape = initial(seed), {"alpha": jnp.log(alpha), "dampening": jnp.log(dampening)}
    memory, meta, times = OPTIMIZER.init(weights), META.init(shape), []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        for batches in rng.permutation(TRAIN).reshape(-1, UNROLLED, BATCH):
            held_out = rng.choice(VALIDATION, BATCH, replace=False)
            state = weights, memory, batches, held_out, shape, meta
            weights, memory, shape, meta = advanced(*state, learns)
        jax.block_until_ready(weights)
        times.append(time.perf_counter() - began)
    correct = jnp.argmax(readout(weights, TEST, QPseudoSpike()), -1) == Y[TEST]
    ended = {name: float(jnp.exp(value)) for name, value in shape.items()}
    return {"accuracy": float(correct.mean()), "milliseconds": 1e3 * min(times)} | ended


def main() -> None:
    table = {"jax": jax.__version__, "epochs": EPOCHS, "seeds": len(SEEDS), "runs": []}
    for alpha, dampening in ((0.5, 1.0), (2.0, 1.0), (8.0, 0.25)):
        for learns in (False, True):
            runs = [run(seed, alpha, dampening, learns) for seed in SEEDS]
            row = {"from": [alpha, dampening], "learnt": learns}
            row |= {name: [round(r[name], 3) for r in runs] for name in runs[0]}
            table["runs"].append(row)
            print(row, flush=True)
    RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
