"""One step of gradient descent on random spike trains, which `networks` and `memory` measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate
import jax
import jax.numpy as jnp

INPUTS, CLASSES, BATCH = 64, 10, 64


def spike_trains(steps: int, batch: int = BATCH) -> tuple[jax.Array, jax.Array]:
    """Inputs of shape (steps, batch, INPUTS), and labels."""
    keys = jax.random.split(jax.random.key(0))
    spikes = jax.random.bernoulli(keys[0], 0.3, (steps, batch, INPUTS)).astype(jnp.float32)
    return spikes, jax.random.randint(keys[1], (batch,), 0, CLASSES)


def descent(
    network: brainstate.nn.Module,
    logits: Callable[[jax.Array], jax.Array],
    data: tuple[jax.Array, jax.Array],
) -> tuple[Callable[[], Any], tuple]:
    """A function that compiles the step, and the arguments of the compiled step."""
    step = brainstate.transform.jit(_step(network, logits))
    # The executable takes the states' values before the arguments.
    states = step.stateful_fun.get_state_trace(*data).get_state_values()
    return lambda: step.compile(*data), (states, *data)


def _step(network: brainstate.nn.Module, logits: Callable) -> Callable:
    weights = network.states(brainstate.ParamState)

    def step(inputs, labels):
        def loss():
            brainstate.nn.init_all_states(network, len(labels))
            return -jax.nn.log_softmax(logits(inputs))[jnp.arange(len(labels)), labels].mean()

        gradients, value = brainstate.transform.grad(loss, weights, return_value=True)()
        for name, gradient in gradients.items():
            descend = lambda weight, slope: weight - 0.1 * slope
            weights[name].value = jax.tree.map(descend, weights[name].value, gradient)
        return value

    return step
