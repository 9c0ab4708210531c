"""Does the direction of the surrogate gradient tell which surrogate trains best?

The size of a gradient says nothing of its direction. Here the surrogate gradient of the loss, at
the initial weights, is compared with that of the loss smoothed over the weights,

    grad E[L(w + sigma e)] = E[(L(w + sigma e) - L(w - sigma e)) e] / (2 sigma),   e ~ N(0, 1),

by antithetic evolution strategies: no surrogate is in it. Every candidate is then trained, and its
accuracy is ranked against the cosine between the two gradients and against what `gradient_flow`
measures: ``python -m benchmarks.direction`` writes ``results/direction.json``, task by task.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from scipy.stats import spearmanr

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps._comparison.model import environment, initialised, put, run_over, seeded
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import load_task
from braintools_qps._comparison.training import Bench, initial_weights

from . import report
from .training import bench_of, trained

PATH = report.RESULTS / "direction.json"
TASKS = ("digits-rows", "cue-recall", "randman")
ALPHAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
CHANGES = ({}, {"dampening": 0.5}, {"scale": 0.5}, {"scale": 2.0})
LIGHT = 4.0  # tails from here on fall off fast; growth does not rank them
HIDDEN, EPOCHS, SEEDS = 32, 10, range(4)
SIGMAS = (0.1, 0.3)  # of weights of order 1; a step of training changes them by up to 0.1
SAMPLES, BLOCKS, PAIRS = 64, 16, 256  # of one loss; independent estimates; pairs in each
TIED = "hidden"  # all groups whose gradient depends on the surrogate
FREE = ("readout", "offset")  # those whose gradient does not


class Aligned(NamedTuple):
    """The cosine with the smoothed loss's gradient; ``error`` is its standard error."""

    cosine: float  # corrected for the noise of the evolution strategies
    error: float
    reliability: float  # share of the estimate's square that is no noise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a corner of it, written nowhere")
    parser.add_argument("--read", action="store_true", help="only the tables, from the JSON again")
    parser.add_argument("--only", action="append", choices=TASKS, help="a task; may be repeated")
    arguments = parser.parse_args()
    record = recorded()
    if arguments.quick:
        record = {"tasks": {TASKS[0]: measured(TASKS[0], SEEDS[:2], epochs=2, every=5)}}
    elif not arguments.read:
        for name in arguments.only or TASKS:
            record["tasks"][name] = measured(name)
            PATH.write_text(json.dumps(record, allow_nan=False) + "\n")
    print("\n\n".join(tables(record)))


def recorded() -> dict[str, Any]:
    """What has been measured so far."""
    return json.loads(PATH.read_text()) if PATH.exists() else {"tasks": {}}


def measured(
    name: str, seeds: Sequence[int] = SEEDS, epochs: int = EPOCHS, every: int = 1
) -> dict[str, Any]:
    """Everything that is written of a task, as JSON holds it."""
    print(name, flush=True)
    facts, start, cpu = report.environment(), time.perf_counter(), time.process_time()
    settings = Settings(epochs=epochs)
    chosen = dict(list(candidates().items())[::every])
    found = study(name, chosen, seeds, settings)
    return {
        "environment": facts,
        "settings": settings.described()
        | {"hidden": HIDDEN, "samples": SAMPLES, "blocks": BLOCKS, "pairs": PAIRS},
        "seeds": list(seeds),
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "cpu_minutes": round((time.process_time() - cpu) / 60, 1),
        "candidates": found,
    }


def candidates() -> dict[str, QPseudoSpike]:
    """Tails, each as it is, lower, narrower and wider."""
    made = [QPseudoSpike(alpha, **change) for alpha in ALPHAS for change in CHANGES]
    return {repr(one): one for one in made}


def study(
    name: str, chosen: dict[str, QPseudoSpike], seeds: Sequence[int], settings: Settings
) -> dict[str, Any]:
    """One task: directions and flows by seed, then the accuracies."""
    bench = bench_of(load_task(name), settings, hidden=HIDDEN)
    aligned = directions(bench, chosen, seeds)
    flows = [flow(bench, chosen, seed) for seed in seeds]
    runs = trained(bench, list(chosen.values()), seeds)
    return {
        label: {
            "accuracy": [round(float(one.tested.score), 4) for one in of if one.tested],
            "growth": [round(of_seed[label].growth, 4) for of_seed in flows],
            "directions": {
                f"sigma {sigma:g}": {
                    group: _by_seed([of_seed[label, sigma, group] for of_seed in aligned])
                    for group in groups_of(aligned[0])
                }
                for sigma in SIGMAS
            },
        }
        for label, of in zip(chosen, runs)
    }


def _by_seed(aligned: list[Aligned]) -> dict[str, list[float | None]]:
    """A list of each figure, for JSON, which knows no NaN."""
    written = lambda x: None if math.isnan(x) else round(x, 3)
    return {name: list(map(written, of)) for name, of in zip(Aligned._fields, zip(*aligned))}


def groups_of(aligned: dict[tuple[str, float, str], Aligned]) -> list[str]:
    return list(dict.fromkeys(group for _, _, group in aligned))


def directions(
    bench: Bench, chosen: dict[str, QPseudoSpike], seeds: Sequence[int]
) -> list[dict[tuple[str, float, str], Aligned]]:
    """By seed, every candidate's gradient against that of the smoothed loss, by sigma and group.

    All candidates see the same weights, samples and noise.
    """
    first = next(iter(chosen.values()))
    gradients = jax.jit(lambda weights: gradients_of(bench, chosen, weights))
    smoothed = jax.jit(lambda *given: jax.vmap(_grouped)(blocks_of(loss_of(bench, first), *given)))
    by_seed = []
    for seed in seeds:
        weights = initial_weights(bench, first, seed).trained
        found, by_candidate = {}, gradients(weights)
        for sigma in SIGMAS:
            blocks = smoothed(weights, sigma, jax.random.key(1000 + seed))
            for group, of_all in by_candidate.items():
                for label, gradient in zip(chosen, np.asarray(of_all)):
                    found[label, sigma, group] = aligned_with(np.asarray(blocks[group]), gradient)
        by_seed.append(found)
    return by_seed


def gradients_of(bench: Bench, chosen: dict[str, QPseudoSpike], weights: Any) -> dict[str, Array]:
    """The surrogate gradients by group, with the candidates along the first axis."""
    numbers = [
        (one.alpha, 1.0 if one.scale is None else one.scale, one.dampening)
        for one in chosen.values()
    ]

    def gradient(alpha: Array, scale: Array, dampening: Array) -> dict[str, Array]:
        surrogate = QPseudoSpike(alpha, scale=scale, dampening=dampening)
        return _grouped(jax.grad(loss_of(bench, surrogate))(weights))

    return jax.lax.map(lambda row: gradient(*row), jnp.asarray(numbers))


def loss_of(bench: Bench, surrogate: QPseudoSpike) -> Callable[[Any], Array]:
    """The training loss of the first samples, as a function of the weights."""
    inputs = jnp.asarray(bench.task.train.inputs[:SAMPLES])
    labels = jnp.asarray(bench.task.train.labels[:SAMPLES])

    def loss(weights: Any) -> Array:
        with seeded(jax.random.key(0)):
            model = bench.model(surrogate)
            put(initialised(model, len(labels))[0], weights)
            outputs = run_over(model, inputs, fit=True)
        return bench.objective.loss(bench.objective.read(outputs), labels)

    return loss


def blocks_of(loss: Callable[[Any], Array], weights: Any, sigma: Any, key: Array) -> Any:
    """Independent estimates of the smoothed loss's gradient, along a first axis."""
    flat, unflatten = ravel_pytree(weights)

    def block(key: Array) -> Array:
        noise = jax.random.normal(key, (PAIRS, flat.size), flat.dtype)
        at = lambda shift: loss(unflatten(flat + sigma * shift))
        change = jax.vmap(lambda e: at(e) - at(-e))(noise)
        return change @ noise / (2 * sigma * PAIRS)

    return jax.vmap(unflatten)(jax.lax.map(block, jax.random.split(key, BLOCKS)))


def _grouped(gradient: Any) -> dict[str, Array]:
    """Flat gradients by the group of their weights, and of all that depend on the surrogate."""
    leaves = jax.tree_util.tree_leaves_with_path(gradient)
    flat = {_group(*(key.key for key in path)): jnp.ravel(value) for path, value in leaves}
    tied = [value for name, value in flat.items() if name not in FREE]
    return flat | {TIED: jnp.concatenate(tied)}


def _group(state: str, name: str) -> str:
    """Weights of the demonstration network are named by their layer, biases by what they are of."""
    return {"neurons": "bias", "outputs": "offset"}.get(name, state.removesuffix(".weight"))


def aligned_with(blocks: np.ndarray, gradient: np.ndarray) -> Aligned:
    """The cosine of a gradient with the mean of independent, noisy estimates of another.

    Noise makes the mean longer and the cosine smaller. Products of different blocks have no noise
    in common, so their mean estimates the square without it. The standard error is the jackknife's
    over blocks.
    """
    blocks, gradient = blocks.astype(np.float64), gradient.astype(np.float64)
    products, along = blocks @ blocks.T, blocks @ gradient / np.linalg.norm(gradient)
    corrected, raw = _cosines(products, along)
    n, every = len(blocks), np.arange(len(blocks))
    others = [every[every != k] for k in every]
    without = [_cosines(products[np.ix_(kept, kept)], along[kept])[0] for kept in others]
    error = math.sqrt((n - 1) * np.var(without))
    return Aligned(corrected, error, (raw / corrected) ** 2)


def _cosines(products: np.ndarray, along: np.ndarray) -> tuple[float, float]:
    """With noise corrected, NaN where there is nothing else; and as it is."""
    n = len(along)
    everything, own = products.sum(), np.trace(products)
    square = (everything - own) / (n * (n - 1))
    corrected = along.mean() / math.sqrt(square) if square > 0 else math.nan
    return float(corrected), float(along.mean() / math.sqrt(everything / n**2))


def flow(bench: Bench, chosen: dict[str, QPseudoSpike], seed: int) -> Any:
    """What `gradient_flow` measures at the same weights, on the same samples."""
    inputs = jnp.asarray(np.swapaxes(bench.task.train.inputs[:SAMPLES], 0, 1))
    with seeded(jax.random.key(seed), seed), environment(fit=False):
        model = bench.model(next(iter(chosen.values())))
        return gradient_flow(model, inputs, surrogates=chosen, seed=seed, target=None, rate=None)


def tables(record: dict[str, Any]) -> list[str]:
    """Rank correlations over all candidates, and over those with a light tail."""
    columns = ["candidates", "accuracy", "ceiling", "growth", *(f"{g}, {s:g}" for g, s in SIGHTS)]
    parts = []
    for title, keep in {"all": lambda _: True, f"alpha {LIGHT:g} and up": _is_light}.items():
        lines = [f"{title}:", "| task | " + " | ".join(columns) + " |"]
        lines.append("|---" * (1 + len(columns)) + "|")
        for task, found in record["tasks"].items():
            kept = [one for label, one in found["candidates"].items() if keep(label)]
            lines.append(f"| {task} | " + " | ".join(_row(kept)) + " |")
        parts.append("\n".join(lines))
    return parts


SIGHTS = [(group, SIGMAS[0]) for group in ("input", "recurrent", "bias")]
SIGHTS += [(TIED, sigma) for sigma in SIGMAS]


def _is_light(label: str) -> bool:
    return candidates()[label].alpha >= LIGHT


def _row(found: list[dict[str, Any]]) -> list[str]:
    """How accuracies spread, the most that the noise of seeds allows, and what is attained."""
    accuracy = np.array([one["accuracy"] for one in found])
    figures = [[-abs(np.mean(np.log(one["growth"]))) for one in found]]
    for group, sigma in SIGHTS:
        figures.append([_mean_cosine(one, group, sigma) for one in found])
    mean = accuracy.mean(axis=1)
    spread = f"{mean.min():.3f} to {mean.max():.3f}"
    ranks = [_rank(figure, mean) for figure in figures]
    return [str(len(found)), spread, f"{ceiling(accuracy):.2f}", *ranks]


def in_short(record: dict[str, Any]) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """For the guide: a row for each task and group of tails, and what it says of single ones."""
    rows, single = [], {}
    for task, found in record["tasks"].items():
        single[task] = _of_single(found["candidates"])
        for tails, keep in (("", lambda _: True), (f", alpha {LIGHT:g} and up", _is_light)):
            kept = [one for label, one in found["candidates"].items() if keep(label)]
            accuracy = np.array([one["accuracy"] for one in kept])
            nearness = [-abs(np.mean(np.log(one["growth"]))) for one in kept]
            cosines = [
                [_mean_cosine(one, group, SIGMAS[0]) for one in kept]
                for group in (TIED, "recurrent")
            ]
            figures = (nearness, *cosines)
            *ranks, recurrent = (_rank(figure, accuracy.mean(axis=1)) for figure in figures)
            rows.append((task + tails, str(len(kept)), *ranks, f"{ceiling(accuracy):.2f}"))
            single[task][f"recurrent{tails}"] = recurrent
    return rows, single


def _of_single(candidates: dict[str, Any]) -> dict[str, Any]:
    """The cosine and the accuracy of each candidate, and how far the cosines spread."""
    cosines = {label: _mean_cosine(one, TIED, SIGMAS[0]) for label, one in candidates.items()}
    of_each = {
        label: {
            "cosine": f"{cosines[label]:.2f}",
            "accuracy": f"{100 * np.mean(one['accuracy']):.1f}",
        }
        for label, one in candidates.items()
    }
    spread = f"{min(cosines.values()):.2f} to {max(cosines.values()):.2f}"
    return of_each | {"cosines": spread}


def _rank(figure: list[float], accuracy: np.ndarray) -> str:
    return "-" if np.isnan(figure).any() else f"{spearmanr(figure, accuracy).statistic:+.2f}"


def _mean_cosine(one: dict[str, Any], group: str, sigma: float) -> float:
    found = one["directions"].get(f"sigma {sigma:g}")
    known = found[group]["cosine"] if found else []
    return float(np.mean([x for x in known if x is not None] or [math.nan]))


def ceiling(accuracy: np.ndarray) -> float:
    """The root of the reliability of mean accuracies, of shape (candidates, seeds)."""
    between = np.var(accuracy.mean(axis=1), ddof=1)
    noise = np.mean(np.var(accuracy - accuracy.mean(axis=0), axis=1, ddof=1)) / accuracy.shape[1]
    return math.sqrt(max(0.0, 1 - noise / between))


if __name__ == "__main__":
    main()
