"""``python -m benchmarks.casebook.train``: train each network of the casebook before and after.

Writes docs/results/casebook.json, which the guide shows. Names of cases as arguments select them.
Accuracies that are in the file are kept; ``--anew`` trains them again. The first line of
gradient_flow is always renewed.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import stats
from sklearn.datasets import load_digits

from braintools_qps import gradient_flow

from .cases import CASES, Case

FILE = Path(__file__).parents[2] / "docs" / "results" / "casebook.json"
SEEDS = 5
TRAINING = 1437  # images; the other 360 are for the test
BATCH = 64
SHOWN = 4 * BATCH  # images for the cures and for gradient_flow


def digits() -> tuple[jax.Array, jax.Array]:
    """Images of shape (samples, 8, 8) from 0 to 1, and labels, in a fixed order."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return jnp.asarray(data.images[order] / 16, jnp.float32), jnp.asarray(data.target[order])


def built(case: Case, seed: int, cured: bool) -> brainstate.nn.Module:
    """A network with new weights, as reported or cured."""
    brainstate.random.seed(seed)
    if not cured:
        return case.reported()
    model = (case.rewritten or case.reported)()
    if case.cure is not None:
        case.cure(model, case.shown(digits()[0][:SHOWN]))
    return model


def first_line(case: Case) -> str:
    """The first line that gradient_flow prints for the reported network."""
    inputs = case.shown(digits()[0][:SHOWN])
    return str(gradient_flow(built(case, 0, False), inputs)).splitlines()[0]


def accuracies(case: Case, cured: bool) -> list[float]:
    """Test accuracy in percent for each seed."""
    networks = [built(case, seed, cured) for seed in range(SEEDS)]
    split = [brainstate.graph.treefy_split(model, brainstate.ParamState, ...) for model in networks]
    structure, _, rest = split[0]
    train, test = programs(lambda params: (structure, params, rest), case)
    return [test(train(params, seed)) for seed, (_, params, _) in enumerate(split)]


def programs(
    parts: Callable[[Any], tuple], case: Case
) -> tuple[Callable[[Any, int], Any], Callable[[Any], float]]:
    """Two functions: one trains parameters for all epochs, the other tests them."""
    images, labels = digits()
    optimizer = optax.adam(case.learning_rate)

    def outputs(params: Any, chosen: Any) -> Any:
        model = brainstate.graph.treefy_merge(*parts(params))
        brainstate.nn.init_all_states(model, batch_size=len(chosen))
        return case.read(brainstate.transform.for_loop(model.update, case.shown(chosen)))

    def loss(params: Any, batch: Any) -> Any:
        logits = outputs(params, images[batch])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch]).mean()

    def advance(carry: tuple, batch: Any) -> tuple[tuple, None]:
        params, state = carry
        changes, state = optimizer.update(jax.grad(loss)(params, batch), state)
        return (optax.apply_updates(params, changes), state), None

    epoch = jax.jit(lambda carry, batches: jax.lax.scan(advance, carry, batches)[0])
    guess = jax.jit(lambda params: outputs(params, images[TRAINING:]).argmax(axis=-1))

    def train(params: Any, seed: int) -> Any:
        rng, carry = np.random.default_rng(seed), (params, optimizer.init(params))
        for _ in range(case.epochs):
            order = rng.permutation(TRAINING)[: TRAINING // BATCH * BATCH]
            carry = epoch(carry, order.reshape(-1, BATCH))
        return carry[0]

    test = lambda params: float(100 * (guess(params) == labels[TRAINING:]).mean())
    return train, test


def summary(scores: Sequence[float]) -> dict[str, Any]:
    """The mean over seeds with its 95% interval, by Student's t."""
    half = float(stats.sem(scores) * stats.t.ppf(0.975, len(scores) - 1))
    mean = float(np.mean(scores))
    rounded = [round(value, 1) for value in (mean, max(mean - half, 0), min(mean + half, 100))]
    return {
        "scores": [round(score, 1) for score in scores],
        "mean": rounded[0],
        "interval": rounded[1:],
    }


def main(arguments: Sequence[str]) -> None:
    """Train the named cases, or all."""
    names = [name for name in arguments if not name.startswith("-")] or list(CASES)
    for name in names:
        case = CASES[name]
        book = json.loads(FILE.read_text("utf-8"))
        old = {} if "--anew" in arguments else book["cases"].get(name, {})
        kept = {when: old[when] if when in old else trained(case, when) for when in whens(case)}
        book["cases"][name] = kept | told(case) | {"says": first_line(case)}
        print(name, book["cases"][name], flush=True)
        book["cases"] = {each: book["cases"][each] for each in CASES if each in book["cases"]}
        FILE.write_text(json.dumps(book, indent=1) + "\n")


def whens(case: Case) -> tuple[str, ...]:
    """The variants of a case that are trained."""
    return ("before", "after", "other") if case.other else ("before", "after")


def trained(case: Case, when: str) -> dict[str, Any]:
    """Accuracies of a variant: as reported, with the remedy, or with its second way."""
    if when == "other" and case.other is not None:
        case = dataclasses.replace(case, rewritten=case.other.network, cure=None)
    if when != "before":
        case = dataclasses.replace(case, read=case.read_after)
    return summary(accuracies(case, when != "before"))


def told(case: Case) -> dict[str, str]:
    """The texts of a case for the guide."""
    text = {key: getattr(case, key) for key in ("thread", "seen", "done", "remark")}
    return text | ({"other_done": case.other.done} if case.other else {})


if __name__ == "__main__":
    main(sys.argv[1:])
