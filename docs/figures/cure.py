"""``python docs/figures/cure.py``: a network before and after `prepare`, for the landing page.

It trains the network of the landing page, epoch by epoch, and writes ``docs/_static/cure.png``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brainpy.state
import brainstate
import braintools
import brainunit as u
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from braintools_qps import gradient_flow, prepare

DOCS = Path(__file__).parents[1]
EPOCHS = 6
AS_IT_IS = 0.01  # learning rate
COLORS = {"as it is": "0.6", "after prepare": "tab:blue"}


def network() -> Any:
    """Six layers of LIF neurons, and a readout."""
    brainstate.random.seed(0)
    layers: list[Any] = []
    for _ in range(6):
        neurons = brainpy.state.LIF(64, V_th=1 * u.mV, tau=10 * u.ms)
        layers += [brainstate.nn.Linear(64, 64), lambda x: x * u.mA, neurons]
    return brainstate.nn.Sequential(*layers, brainstate.nn.Linear(64, 10))


def scores(model: Any, x: Any) -> Any:
    """The mean output over 20 steps."""
    brainstate.nn.init_all_states(model, batch_size=len(x))
    return brainstate.transform.for_loop(lambda _: model(x), jnp.arange(20)).mean(axis=0)


def accuracies(model: Any, learning_rate: float, data: Any) -> Iterator[float]:
    """Test accuracy after each epoch, in percent."""
    train_x, test_x, train_y, test_y = data
    weights = model.states(brainstate.ParamState)
    optimizer = braintools.optim.Adam(lr=learning_rate)
    optimizer.register_trainable_weights(weights)
    cross_entropy = braintools.metric.softmax_cross_entropy_with_integer_labels

    @brainstate.transform.jit
    def step(x: Any, y: Any) -> None:
        loss = lambda: cross_entropy(scores(model, x), y).mean()
        optimizer.update(brainstate.transform.grad(loss, weights)())

    shuffle = np.random.default_rng(0).permutation
    for _ in range(EPOCHS):
        for batch in shuffle(len(train_x))[:1280].reshape(20, 64):
            step(train_x[batch], train_y[batch])
        yield 100 * float(jnp.mean(scores(model, test_x).argmax(axis=-1) == test_y))


def main() -> None:
    brainstate.environ.set(dt=1 * u.ms)
    images, digits = load_digits(return_X_y=True)
    data = train_test_split(np.float32(images / 16), digits, random_state=0)
    inputs = jnp.broadcast_to(data[0][:128], (20, 128, 64))  # time, samples, pixels
    plt.style.use(DOCS / "matplotlibrc")
    _, (rates, learning) = plt.subplots(1, 2, figsize=(6.4, 2))
    for label, color in COLORS.items():
        model, learning_rate = network(), AS_IT_IS
        if label != "as it is":
            learning_rate = prepare(model, inputs).learning_rate
        flow = gradient_flow(model, inputs)["model"]
        layers = [population.activity.firing_rate for population in flow.populations]
        rates.plot(range(1, 1 + len(layers)), layers, ".-", color=color, label=label)
        learned = [*accuracies(model, learning_rate, data)]
        learning.plot(range(1, 1 + EPOCHS), learned, ".-", color=color)
    rates.set(title="Spikes per neuron and step, before training", xlabel="layer", ylim=(0, None))
    rates.legend()
    learning.set(
        title="Test accuracy (%)", xlabel="epoch", ylim=(0, 100), xticks=range(1, 1 + EPOCHS)
    )
    plt.savefig(DOCS / "_static" / "cure.png")


if __name__ == "__main__":
    main()
