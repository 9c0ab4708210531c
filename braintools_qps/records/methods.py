"""The paragraph for a methods section, from the record of a comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._statistics import LEAST_SEEDS
from .._wording import listed
from .scores import score_of
from .settings import value_text
from .table import cell

if TYPE_CHECKING:
    from .comparison import Comparison

DATA = "Networks were trained on {name} ({sizes})."
SPLIT = "Each seed split the data anew, into {parts} samples."
OWN_TEST_PART = "The test samples came with the data."
NETWORK = "The network was {model}{options}, in time steps of {dt}."
PREPARED = (
    "The initial weights of each seed were first brought into the range where neurons fire, the "
    "same for all surrogates."
)
TRAINING = (
    "It was trained for {epochs} epochs in batches of {batch_size} to minimise the {loss} with "
    "{optimizer}."
)
CLIP = "The norm of the gradient was clipped at {clip}."
SURROGATES = "The {surrogates} {labels}."
NOT_TUNED = "Nothing was tuned; the learning rate was {learning_rate}."
RATE = "The learning rate was {learning_rate}."
ONE_SETTING = "Networks were trained with {tuned}."
TUNED = (
    "For each surrogate, every seed trained all combinations of {tuned}, and chose the one with "
    "the highest validation {score} after the last epoch."
)
MEAN_SLOPE = (
    "For a mean slope the dampening was lowered until no population had a larger mean surrogate "
    "gradient at the initial weights."
)
SEEDS = (
    "{seeds} seeds per surrogate set the split, the initial weights and the order of the samples, "
    "the same for all surrogates."
)
REPORTED = "The test {score} after the last epoch is reported, as mean with a 95% t interval."
TEST = (
    "Surrogates were compared seed by seed: one counts as lower by {test}, all pairs and looks "
    "together at an error of 5%."
)
EQUAL = "Two count as equal within {margin} by two one-sided t tests, each at the same error."
LOOKS = "Looks were after {looks} seeds, at an error of {spent} in all."
VERSIONS = "Versions: {versions}."
PAPER = (
    "QPseudoSpike is the surrogate of L. Herranz-Celotti and J. Rouat, Stabilizing Spiking Neuron "
    "Training, arXiv:2202.00282, 2022."
)


def methods(comparison: Comparison) -> str:
    """What was done, in those of the sentences that apply."""
    known, tune = comparison.settings, comparison.settings.get("tune") or {}
    sound = sum(not result.diverged for result in comparison.results)
    tested = len(comparison.seeds) >= LEAST_SEEDS and sound > 1
    several = any(len(values) > 1 for values in tune.values())
    sentences = {
        DATA: True,
        SPLIT: True,
        OWN_TEST_PART: comparison.task.get("has_own_test_part"),
        NETWORK: True,
        PREPARED: known.get("prepare"),
        TRAINING: True,
        CLIP: "clip" in known and "clip" not in tune,
        SURROGATES: True,
        NOT_TUNED: not tune,
        RATE: tune and "learning_rate" not in tune,
        ONE_SETTING: tune and not several,
        TUNED: several,
        MEAN_SLOPE: "mean_slope" in tune,
        SEEDS: True,
        REPORTED: True,
        TEST: tested,
        EQUAL: tested and comparison.margin is not None,
        LOOKS: tested and comparison.looks,
        VERSIONS: True,
        PAPER: any("QPseudoSpike" in str(spec) for spec in comparison.candidates),
    }
    test = "the paired t test" if sound == 2 else "Tukey's test on paired differences"
    facts = _facts(comparison, test)
    return " ".join(text.format_map(facts) for text, applies in sentences.items() if applies)


def versions(environment: Mapping[str, Any]) -> str:
    """The versions of Python and of the packages, and the device."""
    known = {"Python": environment.get("python", "?"), **environment.get("packages", {})}
    texts = (f"{name} {version}" for name, version in known.items())
    return f"{listed(texts, last='and')}, on {environment.get('device', '?')}"


def _facts(comparison: Comparison, test: str) -> Mapping[str, Any]:
    """What the sentences tell, by name; a question mark for what is not known."""
    task, known = comparison.task, comparison.settings
    sizes = (f"{task[n]} {n}" for n in ("steps", "features", "classes") if task.get(n))
    samples = task.get("samples", {}).items()
    parts = (f"{count} {'training' if part == 'train' else part}" for part, count in samples)
    tuned = (
        f"{name.replace('_', ' ')} ({listed(value_text(name, value) for value in values)})"
        for name, values in (known.get("tune") or {}).items()
    )
    counts = sorted({len(result.seeds) for result in comparison.results if result.seeds})
    made = {
        "sizes": listed(sizes),
        "parts": listed(parts, last="and"),
        "model": str(known.get("model", "?")).rpartition(":")[2],
        "options": f" with {cell(options)}" if (options := known.get("options")) else "",
        "surrogates": "surrogates were" if len(comparison.results) > 1 else "surrogate was",
        "labels": listed((result.label for result in comparison.results), last="and"),
        "tuned": listed(tuned, last="and"),
        "score": comparison.score,
        "seeds": listed(dict.fromkeys([*counts[:1], *counts[-1:]]), last="to"),
        "test": test,
        "looks": listed(comparison.looks, last="and"),
        "spent": f"{100 * comparison.spent:.3g}%",
        "margin": score_of(comparison).unit(comparison.margin or 0.0),
        "versions": versions(comparison.environment),
    }
    return defaultdict(lambda: "?", {**task, **known, **made})
