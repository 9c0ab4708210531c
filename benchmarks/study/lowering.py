"""``python -m benchmarks.study.lowering``: one surrogate for all layers, or one for each?

Two ways to lower alpha 8 to a mean slope of 0.1: each layer by itself, or all as the one that
needs it most. They differ only where there are several layers, so the development problems with
several are trained, at a learning rate of 0.03 with AdamW and a cosine schedule, as `compare` does.
Writes docs/results/lowering.json: test accuracy in percent by problem, way and seed.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import QPseudoSpike, gradient_flow, normalize_surrogate, set_surrogate
from braintools_qps._comparison.factory import Factory

from ..problems import DEEP, PROBLEMS, Convolutional, Problem
from .trainings import task_of

HIGH = 0.1  # mean slope
FILE = Path(__file__).parents[2] / "docs" / "results" / "lowering.json"
ALPHA_8 = "QPseudoSpike(alpha=8)"
BATCH, RATE, CLIP, SEEDS, SHOWN = 32, 0.03, 0.03, 3, 64
HIGH_SLOPE = 0.1  # to which each is lowered
CHOSEN = [p for p in PROBLEMS if not p.held_out and p.model in (DEEP, Convolutional)]


def alike(model: Any, inputs: Any) -> dict[str, Any]:
    """All layers lowered by one factor, as `normalize_surrogate` and `compare` do."""
    return normalize_surrogate(model, inputs, surrogate=ALPHA_8)


def each(model: Any, inputs: Any) -> dict[str, Any]:
    """Each layer lowered by itself."""
    flow = gradient_flow(model, inputs, surrogates={ALPHA_8: ALPHA_8})[ALPHA_8]
    factors = {p.name: min(1.0, HIGH_SLOPE / p.slopes.mean) for p in flow.populations}
    return {name: QPseudoSpike(alpha=8, dampening=factor) for name, factor in factors.items()}


def accuracy(problem: Problem, way: Any, seed: int) -> float:
    """Test accuracy of one network, in percent."""
    task = task_of(problem)
    rows = task.split(seed)
    inputs = jnp.asarray(task.to_model(task.samples.inputs.swapaxes(0, 1)))
    labels = jnp.asarray(task.samples.labels)
    brainstate.random.seed(seed)
    model = Factory(problem.model)(task)
    shown = inputs[:, rows.train[:SHOWN]]
    set_surrogate(model, way(model, shown))
    graph, params, rest = brainstate.graph.treefy_split(model, brainstate.ParamState, ...)
    updates = problem.epochs * (len(rows.train) // BATCH)
    descent = optax.adamw(optax.cosine_decay_schedule(RATE, updates))
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), descent)

    def logits(params: Any, chosen: Any) -> Any:
        network = brainstate.graph.treefy_merge(graph, params, rest)
        brainstate.nn.init_all_states(network, batch_size=len(chosen))
        outputs = brainstate.transform.for_loop(network.update, inputs[:, chosen])
        return outputs.mean(axis=0)

    def loss(params: Any, chosen: Any) -> Any:
        guesses = logits(params, chosen)
        return optax.softmax_cross_entropy_with_integer_labels(guesses, labels[chosen]).mean()

    def advance(carry: tuple, chosen: Any) -> tuple[tuple, None]:
        params, state = carry
        changes, state = optimizer.update(jax.grad(loss)(params, chosen), state, params)
        return (optax.apply_updates(params, changes), state), None

    rng, size = np.random.default_rng(seed), len(rows.train) // BATCH * BATCH
    order = [rng.permutation(rows.train)[:size].reshape(-1, BATCH) for _ in range(problem.epochs)]
    train = jax.jit(partial(jax.lax.scan, advance))
    (params, _), _ = train((params, optimizer.init(params)), jnp.asarray(np.concatenate(order)))
    guesses = jax.jit(logits)(params, jnp.asarray(rows.test)).argmax(axis=-1)
    return round(float(100 * (guesses == labels[rows.test]).mean()), 1)


def main() -> None:
    book = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    for seed in range(SEEDS):
        for problem in CHOSEN:
            for way in (each, alike):
                scores = book.setdefault(problem.name, {}).setdefault(way.__name__, [])
                if len(scores) == seed:
                    scores.append(accuracy(problem, way, seed))
                    FILE.write_text(json.dumps(book, indent=1) + "\n")
                    print(problem.name, way.__name__, scores, flush=True)


if __name__ == "__main__":
    main()
