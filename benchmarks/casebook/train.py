"""Training of networks that differ only in their weights, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax

from .codes import inputs, logits
from .data import dataset, training
from .networks.design import Design

BATCH = 64
KEPT = brainstate.LongTermState


@contextmanager
def seeded(key: jax.Array) -> Iterator[None]:
    """Seed brainstate by a key that is traced; the stack lets its state hold a tracer."""
    state = brainstate.random.DEFAULT
    with jax.ensure_compile_time_eval():
        before = state.value
    with brainstate.StateTraceStack():
        state.value = key
        yield
        state.value = before


def timed(model: Any) -> Callable[[Any, Any], Any]:
    """A step of a model, with its number and time for neurons that read them."""

    def step(i: Any, x: Any) -> Any:
        with brainstate.environ.context(i=i, t=i * u.ms):
            return model.update(x)

    return step


def built(design: Design, seed: int) -> brainstate.nn.Module:
    """A network with new weights."""
    brainstate.random.seed(seed)
    return design()


def accuracies(
    design: Design,
    models: Sequence[Any],
    shown: Sequence[Any] = (),
    rates: Sequence[float] | np.ndarray = (),
) -> list[float]:
    """Test accuracy in percent of each model after training.

    Models may differ in surrogates. Each has inputs and a learning rate of its own, by default
    those of the design.
    """
    rates = np.broadcast_to(rates if len(rates) else design.rate, len(models))
    split = [brainstate.graph.treefy_split(m, brainstate.ParamState, ...) for m in models]
    written = {re.sub("0x[0-9a-f]+", "", str(graph)) for graph, *_ in split}  # without addresses
    alike = len(written) == 1
    if alike and not shown and design.shape != "convolutional":  # XLA is slow for these together
        return _together(design, split, inputs(design), rates)
    each = zip(split, shown or [inputs(design)] * len(split), rates)
    return [_together(design, [part], own, np.array([rate]))[0] for part, own, rate in each]


def _together(design: Design, split: Sequence[tuple], shown: Any, rates: np.ndarray) -> list[float]:
    stack = lambda i: jax.tree.map(lambda *x: jnp.stack(x), *(part[i] for part in split))
    graph, params, rest = split[0][0], stack(1), stack(2)
    structure = jax.tree.structure(rest)
    true = dataset(design.source)[1]
    labels, count = design.labels(true), training(true)

    def outputs(params: Any, rest: Any, chosen: Any, key: Any, fit: bool) -> tuple[Any, Any]:
        model = brainstate.graph.treefy_merge(graph, params, rest)
        brainstate.nn.init_all_states(model, batch_size=len(chosen))
        with seeded(key), brainstate.environ.context(fit=fit):
            out = brainstate.transform.for_loop(
                timed(model), jnp.arange(len(shown)), shown[:, chosen]
            )
        _, _, kept, _ = brainstate.graph.treefy_split(model, brainstate.ParamState, KEPT, ...)
        return logits(design, out), jax.tree.unflatten(structure, jax.tree.leaves(kept))

    def loss(params: Any, rest: Any, batch: Any, key: Any) -> tuple[Any, Any]:
        out, rest = outputs(params, rest, batch, key, True)
        return optax.softmax_cross_entropy_with_integer_labels(out, labels[batch]).mean(), rest

    def advance(rate: Any, carry: tuple, batch: Any) -> tuple[tuple, None]:
        params, rest, state, key = carry
        key, now = jax.random.split(key)
        gradient, rest = jax.grad(loss, has_aux=True)(params, rest, batch, now)
        changes, state = design.optimizer(rate).update(gradient, state)
        return (optax.apply_updates(params, changes), rest, state, key), None

    def epoch(rate: Any, carry: tuple, batches: Any) -> tuple:
        return jax.lax.scan(partial(advance, rate), carry, batches)[0]

    epochs = jax.jit(jax.vmap(epoch))
    keys = jnp.stack([jax.random.PRNGKey(seed) for seed in range(len(split))])
    draws = [np.random.default_rng(seed) for seed in range(len(split))]
    state = jax.vmap(design.optimizer(design.rate).init, axis_size=len(split))(params)
    carry, each = (params, rest, state, keys), jnp.asarray(rates)
    for _ in range(design.epochs):
        order = [rng.permutation(count)[: count // BATCH * BATCH] for rng in draws]
        carry = epochs(each, carry, jnp.asarray(np.reshape(order, (len(split), -1, BATCH))))
    test = jnp.arange(count, len(true))
    guess = lambda p, r, k: outputs(p, r, test, k, False)[0].argmax(axis=-1)
    guesses = jax.jit(jax.vmap(guess))(carry[0], carry[1], carry[3])
    return [round(float(100 * hit), 1) for hit in (guesses == true[test]).mean(axis=1)]
