"""The paragraph for a methods section, from the record of a comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._statistics import LEAST_SEEDS
from .._wording import listed
from .scores import score_of
from .settings import value_text
from .table import cell

if TYPE_CHECKING:
    from .comparison import Comparison


def methods(comparison: Comparison) -> str:
    """What was done, in those of the sentences that apply; a question mark for what is unknown."""
    topics = (_data, _training, _surrogates, _tuning, _seeds, _test, _sources)
    return " ".join(sentence for topic in topics for sentence in topic(comparison))


def versions(environment: Mapping[str, Any]) -> str:
    """The versions of Python and of the packages, and the device."""
    known = {"Python": environment.get("python", "?"), **environment.get("packages", {})}
    texts = (f"{name} {version}" for name, version in known.items())
    return f"{listed(texts, last='and')}, on {environment.get('device', '?')}"


def _data(comparison: Comparison) -> Iterator[str]:
    task, samples = comparison.task, comparison.task.get("samples", {}).items()
    sizes = (f"{task[n]} {n}" for n in ("steps", "features", "classes") if task.get(n))
    parts = (f"{count} {'training' if part == 'train' else part}" for part, count in samples)
    yield f"Networks were trained on {task.get('name', '?')} ({listed(sizes)})."
    yield f"Each seed split the data anew, into {listed(parts, last='and')} samples."
    if task.get("has_own_test_part"):
        yield "The test samples came with the data."


def _training(comparison: Comparison) -> Iterator[str]:
    known = defaultdict(lambda: "?", comparison.settings)
    network = str(known["model"]).rpartition(":")[2]
    options = f" with {cell(known['options'])}" if known.get("options") else ""
    yield f"The network was {network}{options}, in time steps of {known['dt']}."
    if known.get("prepare"):
        yield (
            "The initial weights of each seed were first brought into the range where neurons "
            "fire, the same for all surrogates."
        )
    yield (
        f"It was trained for {known['epochs']} epochs in batches of {known['batch_size']} to "
        f"minimise the {known['loss']} with {known['optimizer']}."
    )
    if "clip" in known and "clip" not in (known.get("tune") or {}):
        yield f"The norm of the gradient was clipped at {known['clip']}."


def _surrogates(comparison: Comparison) -> Iterator[str]:
    labels = [result.label for result in comparison.results]
    were = "surrogates were" if len(labels) > 1 else "surrogate was"
    yield f"The {were} {listed(labels, last='and')}."


def _tuning(comparison: Comparison) -> Iterator[str]:
    tune = comparison.settings.get("tune") or {}
    rate = comparison.settings.get("learning_rate", "?")
    if not tune:
        yield f"Nothing was tuned; the learning rate was {rate}."
        return
    if "learning_rate" not in tune:
        yield f"The learning rate was {rate}."
    texts = (
        f"{name.replace('_', ' ')} ({listed(value_text(name, value) for value in values)})"
        for name, values in tune.items()
    )
    tuned = listed(texts, last="and")
    if any(len(values) > 1 for values in tune.values()):
        yield (
            f"For each surrogate, every seed trained all combinations of {tuned}, and chose the "
            f"one with the highest validation {comparison.score} after the last epoch."
        )
    else:
        yield f"Networks were trained with {tuned}."
    if "mean_slope" in tune:
        yield (
            "For a mean slope the dampening was lowered until no population had a larger mean "
            "surrogate gradient at the initial weights."
        )


def _seeds(comparison: Comparison) -> Iterator[str]:
    counts = sorted({len(result.seeds) for result in comparison.results if result.seeds})
    yield (
        f"{listed(dict.fromkeys([*counts[:1], *counts[-1:]]), last='to')} seeds per surrogate set "
        "the split, the initial weights and the order of the samples, the same for all surrogates."
    )
    yield (
        f"The test {comparison.score} after the last epoch is reported, as mean with a 95% t "
        "interval."
    )


def _test(comparison: Comparison) -> Iterator[str]:
    """How surrogates were told apart, if there were enough seeds."""
    sound = sum(not result.diverged for result in comparison.results)
    if len(comparison.seeds) < LEAST_SEEDS or sound < 2:
        return
    test = "the paired t test" if sound == 2 else "Tukey's test on paired differences"
    yield (
        f"Surrogates were compared seed by seed: one counts as lower by {test}, all pairs and "
        "looks together at an error of 5%."
    )
    if comparison.margin is not None:
        yield (
            f"Two count as equal within {score_of(comparison).with_unit(comparison.margin)} by two "
            "one-sided t tests, each at the same error."
        )
    if comparison.looks:
        yield (
            f"Looks were after {listed(comparison.looks, last='and')} seeds, at an error of "
            f"{100 * comparison.spent:.3g}% in all."
        )


def _sources(comparison: Comparison) -> Iterator[str]:
    """Versions, and whom to cite."""
    yield f"Versions: {versions(comparison.environment)}."
    if any("QPseudoSpike" in str(spec) for spec in comparison.candidates):
        yield (
            "QPseudoSpike is the surrogate of L. Herranz-Celotti and J. Rouat, Stabilizing Spiking "
            "Neuron Training, arXiv:2202.00282, 2022."
        )
