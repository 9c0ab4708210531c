"""``python docs/figures/cure.py``: a network before and after `prepare`, for the landing page.

It runs the code of the landing page, epoch by epoch, and writes ``docs/_static/cure.png``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from braintools_qps import gradient_flow, prepare

DOCS = Path(__file__).parents[1]
CELL = re.compile(r"```\{code-cell\} ipython3\n:tags: \[hide-input\]\n(.*?)^```", re.DOTALL | re.M)
EPOCHS = 6
AS_IT_IS = 0.01  # learning rate
COLORS = {"as it is": "0.6", "after prepare": "tab:blue"}


def firing_rates(page: dict[str, Any], model: Any) -> list[float]:
    """Spikes per neuron and step, layer by layer."""
    flow = gradient_flow(model, page["inputs"])["model"]
    return [population.activity.firing_rate for population in flow.populations]


def accuracies(page: dict[str, Any], model: Any, learning_rate: float | None) -> list[float]:
    """Test accuracy after each epoch, in percent."""
    said = []
    page["train"](model, learning_rate, EPOCHS, lambda accuracy: said.append(100 * float(accuracy)))
    return said


def main() -> None:
    page: dict[str, Any] = {}
    exec(CELL.search((DOCS / "index.md").read_text(encoding="utf-8"))[1], page)
    plt.style.use(DOCS / "matplotlibrc")
    _, (rates, learning) = plt.subplots(1, 2, figsize=(6.4, 2))
    for label, color in COLORS.items():
        model, learning_rate = page["network"](), AS_IT_IS
        if label != "as it is":
            learning_rate = prepare(model, page["inputs"]).learning_rate
        layers = firing_rates(page, model)
        rates.plot(range(1, 1 + len(layers)), layers, ".-", color=color, label=label)
        learned = accuracies(page, model, learning_rate)
        learning.plot(range(1, 1 + EPOCHS), learned, ".-", color=color)
    rates.set(title="Spikes per neuron and step, before training", xlabel="layer", ylim=(0, None))
    rates.legend()
    learning.set(
        title="Test accuracy (%)", xlabel="epoch", ylim=(0, 100), xticks=range(1, 1 + EPOCHS)
    )
    plt.savefig(DOCS / "_static" / "cure.png")


if __name__ == "__main__":
    main()
