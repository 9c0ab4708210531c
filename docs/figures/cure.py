"""``python docs/figures/cure.py``: a network before and after `prepare`.

It trains the network of the README as that does, and writes ``docs/_static/cure.png`` and the
numbers in it, ``docs/_static/cure.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brainpy.state
import brainstate
import braintools
import brainunit as u
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax
from sklearn.datasets import load_digits

from braintools_qps import gradient_flow, prepare

DOCS = Path(__file__).parents[1]
sys.path.append(str(DOCS.parent))  # benchmarks/ is not installed

from benchmarks.report import environment  # noqa: E402

BATCHES = [50 * n for n in range(1, 7)]  # after which it is tested
AS_IT_IS = 0.01  # learning rate
COLORS = {"as it is": "0.5", "after prepare": "tab:blue"}


def layer() -> list[Any]:
    return [brainstate.nn.Linear(64, 64), lambda x: x * u.mA, brainpy.state.LIF(64)]


def network() -> Any:
    """Three layers of LIF neurons, and a readout."""
    brainstate.random.seed(0)
    return brainstate.nn.Sequential(*layer(), *layer(), *layer(), brainstate.nn.Linear(64, 10))


def accuracies(model: Any, learning_rate: float, inputs: Any, digits: Any) -> Iterator[float]:
    """Test accuracy after every 50 batches, in percent."""
    weights = model.states(brainstate.ParamState)
    adam = braintools.optim.Adam(lr=learning_rate)
    adam.register_trainable_weights(weights)
    cross_entropy = optax.softmax_cross_entropy_with_integer_labels

    def scores(ids: Any) -> Any:
        brainstate.nn.init_all_states(model, batch_size=len(ids))
        return brainstate.transform.for_loop(model, inputs[:, ids]).mean(axis=0)

    def train(ids: Any) -> None:
        loss = lambda: cross_entropy(scores(ids), digits[ids]).mean()
        adam.update(brainstate.transform.grad(loss, weights)())

    for batches in brainstate.random.randint(0, 1400, (len(BATCHES), 50, 64)):
        brainstate.transform.for_loop(train, batches)
        right = scores(jnp.arange(1400, 1797)).argmax(axis=-1) == digits[1400:]
        yield 100 * float(right.mean())


def main() -> None:
    brainstate.environ.set(dt=1 * u.ms)
    images, digits = map(jnp.asarray, load_digits(return_X_y=True))
    inputs = jnp.broadcast_to(images / 16, (20, 1797, 64))  # time, samples, pixels
    plt.style.use(DOCS / "matplotlibrc")
    _, (rates, learning) = plt.subplots(1, 2, figsize=(6.4, 2))
    facts, numbers = environment(), {}
    for label, color in COLORS.items():
        model, learning_rate = network(), AS_IT_IS
        if label != "as it is":
            prepared = prepare(model, inputs[:, :64], labels=digits[:64])
            learning_rate = prepared.learning_rate
        flow = gradient_flow(model, inputs[:, :64], labels=digits[:64])["model"]
        layers = [population.activity.firing_rate for population in flow.populations]
        rates.plot(range(1, 1 + len(layers)), layers, ".-", color=color, label=label)
        learned = [*accuracies(model, learning_rate, inputs, digits)]
        learning.plot(BATCHES, learned, ".-", color=color)
        numbers[label] = {"firing rates": layers, "accuracy": dict(zip(BATCHES, learned))}
    rates.set(
        title="Spikes per neuron and step, before training",
        xlabel="layer",
        ylim=(0, None),
        xticks=range(1, 1 + len(layers)),
    )
    rates.legend()
    learning.set(title="Test accuracy (%)", xlabel="batches", ylim=(0, 100), xticks=BATCHES)
    plt.savefig(DOCS / "_static" / "cure.png")
    text = json.dumps({"environment": facts, "networks": numbers}, indent=1)
    (DOCS / "_static" / "cure.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
