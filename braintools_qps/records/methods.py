"""The paragraph for a methods section, from the record of a comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from .._statistics import LEAST_SEEDS
from .._wording import listed, plural
from .candidate import ComparisonData
from .columns import value_text
from .table import cell
from .verdict import falling


def methods(comparison: ComparisonData) -> str:
    """What was done, in those of the sentences that apply; a question mark for what is unknown."""
    topics = (_data, _training, _surrogates, _tuning, _seeds, _test, _sources)
    return " ".join(sentence for topic in topics for sentence in topic(comparison))


def versions(environment: Mapping[str, Any]) -> str:
    """The versions of Python and of the packages, and the device."""
    known = {"Python": environment.get("python", "?"), **environment.get("packages", {})}
    texts = (f"{name} {version}" for name, version in known.items())
    return f"{listed(texts, last='and')}, on {environment.get('device', '?')}"


def _data(comparison: ComparisonData) -> Iterator[str]:
    task, samples = comparison.task, comparison.task.get("samples", {}).items()
    sizes = (f"{task[n]} {n}" for n in ("steps", "features", "classes") if task.get(n))
    parts = (f"{count} {'training' if part == 'train' else part}" for part, count in samples)
    yield f"Networks were trained on {task.get('name', '?')} ({listed(sizes)})."
    yield f"Each seed split the data into {listed(parts, last='and')} samples."
    if task.get("has_own_test_part"):
        yield "The test samples came with the data."


def _training(comparison: ComparisonData) -> Iterator[str]:
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
    if losses := falling(comparison):
        yield f"The {losses} still falling after the last epoch."
    if "clip" in known and "clip" not in (known.get("tune") or {}):
        yield f"The norm of the gradient was clipped at {known['clip']}."


def _surrogates(comparison: ComparisonData) -> Iterator[str]:
    labels = [result.label for result in comparison.results]
    were = "surrogates were" if len(labels) > 1 else "surrogate was"
    yield f"The {were} {listed(labels, last='and')}."


def _tuning(comparison: ComparisonData) -> Iterator[str]:
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


def _seeds(comparison: ComparisonData) -> Iterator[str]:
    yield (
        f"{plural(len(comparison.seeds), 'seed')} per surrogate set the split, the initial weights "
        "and the order of the samples, the same for all surrogates."
    )
    yield (
        f"The test {comparison.score} after the last epoch is reported, as mean with a 95% t "
        "interval."
    )


def _test(comparison: ComparisonData) -> Iterator[str]:
    """How surrogates were told apart, if there were enough seeds."""
    sound = sum(not result.diverged for result in comparison.results)
    if len(comparison.seeds) < LEAST_SEEDS or sound < 2:
        return
    test = "the paired t test" if sound == 2 else "Tukey's range of paired differences"
    yield (
        f"Surrogates were compared once, seed by seed, by {test}, at an error of 5% for all pairs "
        "together."
    )


def _sources(comparison: ComparisonData) -> Iterator[str]:
    """Versions, and whom to cite."""
    yield f"Versions: {versions(comparison.environment)}."
    if any("QPseudoSpike" in str(spec) for spec in comparison.candidates):
        yield (
            "QPseudoSpike is the surrogate of L. Herranz-Celotti and J. Rouat, Stabilizing Spiking "
            "Neuron Training, arXiv:2202.00282, 2022."
        )
