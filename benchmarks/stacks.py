"""``python -m benchmarks.stacks``: how deep a stack of equal layers can be and still learn.

LIF layers of 64 neurons read digits of 8 by 8 pixels for 20 steps (tau 10 ms). Each depth is
trained after `prepare`, with Adam at the rate that it names, and after `normalize_rates` and a
lowered surrogate, at 1e-3. Writes docs/results/stacks.json, which the guide to deep stacks shows;
runs that are in the file are kept. Training scans over layers, because a program of 100 layers
takes minutes to compile; `checked` compares its outputs with those of the network that was
prepared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.casebook.data import TRAINING, digits
from benchmarks.casebook.train import BATCH
from braintools_qps import (
    QPseudoSpike,
    normalize_rates,
    normalize_surrogate,
    prepare,
    set_surrogate,
)

from .study.lowering import each
from .study.trained import table

FILE = Path(__file__).parents[1] / "docs" / "results" / "stacks.json"
EPOCHS = {2: 30, 4: 30, 8: 30, 16: 30, 32: 30, 64: 40, 100: 40}  # by depth
STEPS, WIDTH, CLASSES, SHOWN, RATE, ALPHA = 20, 64, 10, 256, 1e-3, 8.0
DECAY = float(np.exp(-1 / 10))


def stack(depth: int, seed: int) -> brainstate.nn.Sequential:
    """Layers with brainstate's initialisation, and a readout of the last one's spikes."""
    brainstate.random.seed(seed)
    layers: list[Any] = []
    for _ in range(depth):
        neurons = brainpy.state.LIF(WIDTH, V_th=1 * u.mV, tau=10 * u.ms)
        layers += [brainstate.nn.Linear(WIDTH, WIDTH), lambda x: x * u.mA, neurons]
    return brainstate.nn.Sequential(*layers, brainstate.nn.Linear(WIDTH, CLASSES))


def varied(depth: int = 16, **change: Any) -> brainstate.nn.Sequential:
    """Deep stacks that are not plain: another reset, widths, kernels, synapses, a second way."""
    brainstate.random.seed(0)
    kind = change.pop("kind", None)
    widths = [WIDTH // 2 if kind == "widths" and i % 2 else WIDTH for i in range(depth)]
    layers: list[Any] = []
    for before, width in zip([WIDTH, *widths], widths):
        size = (8, 8, 4) if kind == "kernels" else width
        neurons = brainpy.state.LIF(size, V_th=1 * u.mV, tau=10 * u.ms, **change)
        inner = [lambda x: x * u.mA, neurons]
        if kind == "kernels":
            first = [] if layers else [brainstate.nn.Unflatten(-1, (8, 8, 1))]
            layers += [*first, brainstate.nn.Conv2d((8, 8, 4 if layers else 1), 4, 3), *inner]
        elif kind == "synapses":
            synapse = brainpy.state.Expon(width, tau=3 * u.ms)
            layers += [brainstate.nn.Linear(before, width), lambda x: x * u.mS, synapse]
            layers += [lambda x: x / u.mS, *inner]
        else:
            layers += [brainstate.nn.Linear(before, width), *inner]
    flat = lambda x: x.reshape(len(x), -1)
    readout = brainstate.nn.Linear(int(np.prod(neurons.varshape)), CLASSES)
    return brainstate.nn.Sequential(*layers, flat, readout)


VARIED: dict[str, dict[str, Any]] = {
    "soft reset": {},
    "hard reset": {"spk_reset": "hard"},
    "layers of 64 and 32 in turn": {"kind": "widths"},
    "3 x 3 kernels, 4 channels": {"kind": "kernels"},
    "synapses with tau 3 ms": {"kind": "synapses"},
}


def shown(images: Any) -> Any:
    """Each image as a constant current, of shape (steps, batch, pixels)."""
    flat = images.reshape(len(images), -1)
    return jnp.broadcast_to(flat, (STEPS, *flat.shape))


def rates_alone(model: Any, inputs: Any) -> None:
    """Every layer at 0.1 spikes per step, alpha 8 at a mean slope of at most 0.1."""
    normalize_rates(model, inputs)
    set_surrogate(model, normalize_surrogate(model, inputs, surrogate="QPseudoSpike(alpha=8)"))


def rates_and_each(model: Any, inputs: Any) -> None:
    """The same with each layer lowered by itself."""
    normalize_rates(model, inputs)
    set_surrogate(model, each(model, inputs))


def prepared(model: Any, inputs: Any) -> float:
    """What `prepare` does, and the learning rate that it names."""
    return prepare(model, inputs).learning_rate


STARTS: dict[str, Callable[..., float | None]] = {
    "prepare": prepared, "rates": rates_alone, "each": rates_and_each,
}  # fmt: skip


def arrays_of(model: Any) -> dict[str, Any]:
    """The parameters of all layers, stacked, and the dampenings of their surrogates."""
    linear = [layer.weight.value for layer in model.layers if hasattr(layer, "weight")]
    stacked = {key: jnp.stack([each[key] for each in linear[:-1]]) for key in ("weight", "bias")}
    spikes = [layer.spk_fun for layer in model.layers if hasattr(layer, "spk_fun")]
    heights = jnp.array([getattr(spike, "dampening", 1.0) for spike in spikes])
    return {"layers": stacked, "readout": linear[-1], "heights": heights}


def logits(params: Any, heights: Any, images: Any) -> Any:
    """Mean output over all steps: the update of `brainpy.state.LIF`, with a scan over layers."""
    surrogate = QPseudoSpike(ALPHA)

    def spike(V: Any, height: Any) -> Any:
        spikes = surrogate(V - 1.0)
        return height * spikes + jax.lax.stop_gradient((1 - height) * spikes)

    def layer(spikes: Any, of: Any) -> tuple[Any, Any]:
        weights, height, V = of
        V = V - spike(V, height)
        V = DECAY * V + (1 - DECAY) * (spikes @ weights["weight"] + weights["bias"])
        return spike(V, height), V

    def step(V: Any, x: Any) -> tuple[Any, Any]:
        spikes, V = jax.lax.scan(layer, x, (params["layers"], heights, V))
        return V, spikes @ params["readout"]["weight"] + params["readout"]["bias"]

    start = jnp.zeros((len(heights), len(images), WIDTH))
    return jax.lax.scan(step, start, shown(images))[1].mean(axis=0)


def checked(model: Any, arrays: Any, images: Any) -> None:
    """Raise if the scan over layers and the model of brainpy.state differ."""
    brainstate.nn.init_all_states(model, len(images))
    expected = brainstate.transform.for_loop(model.update, shown(images)).mean(axis=0)
    heights = arrays["heights"]
    np.testing.assert_allclose(logits(arrays, heights, images), expected, atol=1e-3)


def of_model(model: Any) -> tuple[Callable[[Any, Any], Any], Any]:
    """The mean output over all steps as a function of parameters and images; and the parameters."""
    graph, params, rest = brainstate.graph.treefy_split(model, brainstate.ParamState, ...)

    def outputs(params: Any, images: Any) -> Any:
        network = brainstate.graph.treefy_merge(graph, params, rest)
        brainstate.nn.init_all_states(network, len(images))
        return brainstate.transform.for_loop(network.update, shown(images)).mean(axis=0)

    return outputs, params


def accuracy(
    outputs: Callable[[Any, Any], Any], params: Any, seed: int, epochs: int, rate: float
) -> float:
    """Test accuracy in percent after training."""
    images, labels = digits()
    optimizer = optax.adam(rate)

    def loss(params: Any, batch: Any) -> Any:
        guesses = outputs(params, images[batch])
        return optax.softmax_cross_entropy_with_integer_labels(guesses, labels[batch]).mean()

    def advance(carry: tuple, batch: Any) -> tuple[tuple, None]:
        params, state = carry
        changes, state = optimizer.update(jax.grad(loss)(params, batch), state)
        return (optax.apply_updates(params, changes), state), None

    epoch = jax.jit(lambda carry, batches: jax.lax.scan(advance, carry, batches)[0])
    rng, carry = np.random.default_rng(seed), (params, optimizer.init(params))
    for _ in range(epochs):
        order = rng.permutation(TRAINING)[: TRAINING // BATCH * BATCH]
        carry = epoch(carry, order.reshape(-1, BATCH))
    guesses = jax.jit(outputs)(carry[0], images[TRAINING:]).argmax(axis=-1)
    return round(float(100 * (guesses == labels[TRAINING:]).mean()), 1)


def run(start: str, depth: int, seed: int) -> dict[str, Any]:
    """The accuracy after a start and training."""
    images, _ = digits()
    model = stack(depth, seed)
    rate = STARTS[start](model, shown(images[:SHOWN])) or RATE
    arrays = arrays_of(model)
    checked(model, arrays, images[:BATCH])
    heights = arrays.pop("heights")
    outputs = lambda params, images: logits(params, heights, images)
    epochs = EPOCHS[depth]
    return {
        "epochs": epochs,
        "rate": rate,
        "accuracy": accuracy(outputs, arrays, seed, epochs, rate),
    }


def probe(name: str) -> dict[str, Any]:
    """The accuracy of 16 layers that are not plain, after `prepare` and training."""
    images, _ = digits()
    model = varied(**VARIED[name])
    rate = prepared(model, shown(images[:SHOWN]))
    return {"rate": rate, "accuracy": accuracy(*of_model(model), 0, EPOCHS[16], rate)}


def tables() -> dict[str, str]:
    """The tables of the guide to deep stacks, by name."""
    book = json.loads(FILE.read_text("utf-8"))
    runs = {tuple(key.split(":")): row for key, row in book.items() if "probe" not in key}
    depths = sorted({int(depth) for _, depth, _ in runs})
    epochs = {int(depth): row["epochs"] for (_, depth, _), row in runs.items()}
    scores = {
        (start, depth): [
            row["accuracy"] for key, row in runs.items() if key[:2] == (start, str(depth))
        ]
        for start in STARTS
        for depth in depths
    }
    alike_or_each = {
        f"{start}_16": f"{np.mean(scores[start, 16]):.0f}" for start in ("rates", "each")
    }
    probes = [
        [key.removeprefix("probe:"), row["accuracy"]] for key, row in book.items() if "probe" in key
    ]
    head = ["layers", "epochs", "`prepare`", "`normalize_rates` and a lowered surrogate"]
    rows = [
        [
            depth,
            epochs[depth],
            _seeds(scores["prepare", depth]),
            "the same" if depth <= 8 else _seeds(scores["rates", depth]),
        ]
        for depth in depths
    ]
    return {
        "depths": table(head, rows),
        "probes": table(["16 layers", "test accuracy"], probes),
        **alike_or_each,
    }


def _seeds(scores: list[float]) -> str:
    """A mean, the lowest and the highest, and how many seeds."""
    if not scores:
        return "not trained"
    many = len(scores) > 1
    span = f" ({min(scores):.1f} to {max(scores):.1f})" if many else ""
    return f"{np.mean(scores):.1f}{span}, {len(scores)} seed{'s' * many}"


def main(arguments: list[str]) -> None:
    """Train what is missing: ``prepare:64:0`` (a start, depth and seed) or ``probe:hard reset``."""
    brainstate.environ.set(dt=1 * u.ms)
    for argument in arguments:
        book = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        if argument not in book:
            start, depth, *seed = argument.split(":")
            row = run(start, int(depth), int(*seed)) if seed else probe(depth)
            book = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
            book[argument] = row
            FILE.write_text(json.dumps(book, indent=1) + "\n")
            print(argument, row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
