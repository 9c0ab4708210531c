"""``python -m benchmarks.casebook.limits``: trainings that place the limits of the diagnosis.

Writes ``reach``, ``height``, ``rates``, ``recurrent`` and ``straight`` of
docs/results/casebook.json, or only those that are named as arguments. The limit of the mean slope
comes from the study.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from braintools import surrogate as bts
from scipy import stats

from braintools_qps import (
    QPseudoSpike,
    gradient_flow,
    normalize_rates,
    normalize_surrogate,
    set_surrogate,
)

from .__main__ import FILE
from .cases import leaky
from .data import inputs
from .mistakes import Custom
from .networks import Design
from .train import accuracies, built

SEEDS = 5
SHOWN = slice(256)  # samples for the cures and for gradient_flow
WIDTHS = (0.3, 0.05, 0.02, 0.01, 0.003, 0.001)
SLOPES = (0.1, 0.2, 0.3)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3)
STRAIGHT: dict[str, dict[str, Any]] = {
    "one layer": {"layers": 1},
    "two layers": {},
    "three layers": {"layers": 3},
    "four layers": {"layers": 4, "gain": 10.0},
    "recurrent": {"shape": "recurrent"},
}


def trained(cure: Callable[[Any, Any], Any], **design: Any) -> dict[str, Any]:
    """Accuracies of two layers after a cure."""
    made = Design(**leaky | {"steps": 12} | design)
    models = [built(made, seed) for seed in range(SEEDS)]
    for model in models:
        cure(model, inputs(made, SHOWN))
    return summary(accuracies(made, models))


def summary(scores: Sequence[float]) -> dict[str, Any]:
    """Accuracies, their mean and its 95% interval, by Student's t."""
    half = float(stats.sem(scores) * stats.t.ppf(0.975, SEEDS - 1))
    mean = float(np.mean(scores))
    interval = [round(max(mean - half, 0), 1), round(min(mean + half, 100), 1)]
    return {"scores": scores, "mean": round(mean, 1), "interval": interval}


def reach(width: float) -> dict[str, Any]:
    """Accuracy with an exponential surrogate of height 1, and the share of flat neuron-steps."""
    spike = QPseudoSpike(jnp.inf, scale=width, dampening=width)
    made = Design(**leaky | {"steps": 12, "surrogate": spike})
    model = built(made, 0)
    normalize_rates(model, inputs(made, SHOWN))
    (flow,) = gradient_flow(model, inputs(made, SHOWN)).values()
    flat = float(np.mean([p.slopes.flat_share for p in flow.populations]))
    row = trained(normalize_rates, surrogate=spike)
    return {"width": width, "flat": round(flat, 3)} | row


def height(slope: float) -> dict[str, Any]:
    """Accuracy at a mean slope, with alpha 2 and without recurrence."""

    def cure(model: Any, shown: Any) -> None:
        normalize_rates(model, shown)
        set_surrogate(model, normalize_surrogate(model, shown, mean_slope=slope))

    return {"slope": slope} | trained(cure, surrogate=QPseudoSpike(dampening=1e3), rate=3e-3)


def rate(target: float) -> dict[str, Any]:
    """Accuracy of eight layers that `normalize_rates` brought to a firing rate."""
    cure = partial(normalize_rates, rate=target)
    return {"rate": target} | trained(cure, layers=8, surrogate=bts.Sigmoid())


def recurrent(scaled: bool) -> dict[str, Any]:
    """Accuracy of two recurrent layers, whose recurrent weights are scaled too, or not."""

    def cure(model: Any, shown: Any) -> None:
        backs = [] if scaled else [block.back for block in model.blocks]
        for back in backs:  # not a parameter, so that it is not scaled
            back.weight = brainstate.LongTermState(back.weight.value)
        normalize_rates(model, shown)
        for back in backs:
            back.weight = brainstate.ParamState(back.weight.value)

    spike = QPseudoSpike(alpha=8.0, dampening=0.5)
    row = trained(cure, shape="recurrent", surrogate=spike, rate=3e-3)
    return {"scaled": scaled} | row


def straight(name: str) -> dict[str, Any]:
    """Accuracy with a surrogate gradient of 1 everywhere, straight-through, and with alpha 8."""
    ends = {}
    for label, changes in (("straight", {"surrogate": Custom(jnp.ones_like)}), ("thin", {})):
        made = Design(**STRAIGHT[name] | changes)
        ends[label] = summary(accuracies(made, [built(made, seed) for seed in range(SEEDS)]))
    return {"network": name, **ends["straight"], "thin": ends["thin"]}


FOUND = {
    "reach": lambda: [*map(reach, WIDTHS)],
    "height": lambda: [*map(height, SLOPES)],
    "rates": lambda: [*map(rate, RATES)],
    "recurrent": lambda: [*map(recurrent, (True, False))],
    "straight": lambda: [*map(straight, STRAIGHT)],
}


def main(names: list[str]) -> None:
    """Train for the named entries, or for all."""
    brainstate.environ.set(dt=1 * u.ms)
    book = json.loads(FILE.read_text("utf-8"))
    for name in names or FOUND:
        book[name] = FOUND[name]()
    FILE.write_text(json.dumps(book, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
