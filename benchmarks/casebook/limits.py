"""``python -m benchmarks.casebook.limits``: trainings that place the limits of the diagnosis.

Writes ``reach``, ``height``, ``rates`` and ``recurrent`` of docs/results/casebook.json, or only
those that are named as arguments. The limit of the mean slope comes from the study.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from functools import partial
from typing import Any

import brainstate
import numpy as np

from braintools_qps import (
    QPseudoSpike,
    gradient_flow,
    normalize_rates,
    normalize_surrogate,
    set_surrogate,
)

from .cases import CASES, Case
from .networks import PIXELS, Network, Recurrent, constant, deep
from .train import FILE, SHOWN, accuracies, built, digits, summary

WIDTHS = (0.3, 0.05, 0.02, 0.01, 0.003, 0.001)
SLOPES = (0.1, 0.2, 0.3)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3)


def two_layers(spk_fun: Any, cure: Any, learning_rate: float) -> Case:
    """Two layers on digits, a network that learns with a good surrogate."""
    return Case(
        thread="", seen="", cause="", population=None, done="", shown=partial(constant, steps=12),
        reported=partial(deep, spk_fun, 2), cure=cure, learning_rate=learning_rate,
    )  # fmt: skip


def reach(width: float) -> dict[str, Any]:
    """Accuracy with an exponential surrogate of height 1, and the share of flat neuron-steps."""
    spike = QPseudoSpike(np.inf, scale=width, dampening=width)
    case = two_layers(spike, normalize_rates, 1e-3)
    (flow,) = gradient_flow(built(case, 0, True), case.shown(digits()[0][:SHOWN])).values()
    flat = float(np.mean([p.slopes.flat_share for p in flow.populations]))
    return {"width": width, "flat": round(flat, 3)} | summary(accuracies(case, True))


def height(slope: float) -> dict[str, Any]:
    """Accuracy at a mean slope, with alpha 2 and without recurrence."""

    def cure(network: Network, inputs: Any) -> None:
        normalize_rates(network, inputs)
        set_surrogate(network, normalize_surrogate(network, inputs, mean_slope=slope))

    case = two_layers(QPseudoSpike(dampening=1e3), cure, 3e-3)
    return {"slope": slope} | summary(accuracies(case, True))


def rate(target: float) -> dict[str, Any]:
    """Accuracy of eight layers that `normalize_rates` brought to a firing rate."""
    case = dataclasses.replace(
        CASES["spikingjelly-285"], cure=partial(normalize_rates, rate=target)
    )
    return {"rate": target} | summary(accuracies(case, True))


def recurrent(scaled: bool) -> dict[str, Any]:
    """Accuracy of two recurrent layers, whose recurrent weights are scaled too, or not."""

    def cure(network: Network, inputs: Any) -> None:
        backs = [] if scaled else [layer.back for layer in network.layers]
        for back in backs:  # not a parameter, so that it is not scaled
            back.weight = brainstate.LongTermState(back.weight.value)
        normalize_rates(network, inputs)
        for back in backs:
            back.weight = brainstate.ParamState(back.weight.value)

    def network() -> Network:
        spike = QPseudoSpike(alpha=8.0, dampening=0.5)
        return Network([Recurrent(PIXELS, 64, spike), Recurrent(64, 64, spike)], 64)

    case = dataclasses.replace(two_layers(None, cure, 3e-3), reported=network)
    return {"scaled": scaled} | summary(accuracies(case, True))


FOUND = {
    "reach": lambda: [*map(reach, WIDTHS)],
    "height": lambda: [*map(height, SLOPES)],
    "rates": lambda: [*map(rate, RATES)],
    "recurrent": lambda: [*map(recurrent, (True, False))],
}


def main(names: list[str]) -> None:
    """Train for the named entries, or for all."""
    book = json.loads(FILE.read_text("utf-8"))
    for name in names or FOUND:
        book[name] = FOUND[name]()
    FILE.write_text(json.dumps(book, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
