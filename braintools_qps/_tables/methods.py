"""The paragraph for a methods section, from the record of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._statistics import LEAST_SEEDS
from .._wording import listed
from .scores import score_of
from .settings import value_text
from .table import cell
from .words import plural

if TYPE_CHECKING:
    from ..records import Comparison

PAPER = (
    "QPseudoSpike is the surrogate of L. Herranz-Celotti and J. Rouat, Stabilizing Spiking Neuron "
    "Training, arXiv:2202.00282, 2022"
)


PARTS = {"train": "training"}


def methods(comparison: Comparison) -> str:
    """What was done, in sentences."""
    parts = (_data, _network, _tuning, _seeds, _test, _software)
    return " ".join(f"{sentence}." for part in parts for sentence in part(comparison))


def versions(environment: Mapping[str, Any]) -> str:
    """The versions of Python and of the packages, and the device."""
    known = {"Python": environment.get("python", ""), **environment.get("packages", {})}
    texts = [f"{name} {version}" for name, version in known.items() if version]
    device = environment.get("device")
    return listed(texts, last="and") + (f", on {device}" if device else "")


def _data(comparison: Comparison) -> Iterator[str]:
    task = comparison.task
    about = [f"{task[n]} {n}" for n in ("steps", "features", "classes") if task.get(n)]
    name = task.get("name", "data of our own")
    yield f"Networks were trained on {name}" + (f" ({', '.join(about)})" if about else "")
    if samples := task.get("samples"):
        parts = [f"{count} {PARTS.get(part, part)}" for part, count in samples.items()]
        own = "; the test samples came with the data" if task.get("has_own_test_part") else ""
        yield f"Each seed split the data anew, into {listed(parts, last='and')} samples{own}"


def _network(comparison: Comparison) -> Iterator[str]:
    known = comparison.settings
    given = known.get("options")
    options = f" with {cell(given)}" if given else ""
    step = f", in time steps of {known['dt']}" if "dt" in known else ""
    name = known.get("model", "our own").rpartition(":")[2]
    yield f"The network was {name}{options}{step}"
    if known.get("prepare"):
        yield (
            "The initial weights of each seed were first brought into the range where neurons "
            "fire, the same for all surrogates"
        )
    size = f" in batches of {known['batch_size']}" if "batch_size" in known else ""
    clip = ""
    if "clip" in known and "clip" not in (known.get("tune") or {}):
        clip = f", with the norm of the gradient clipped at {known['clip']}"
    goal = f" to minimise the {known['loss']}" if "loss" in known else ""
    yield (
        f"It was trained for {plural(known.get('epochs', 0), 'epoch')}{size}{goal} with "
        f"{known.get('optimizer', 'an optimizer')}{clip}"
    )


def _tuning(comparison: Comparison) -> Iterator[str]:
    labels = listed([result.label for result in comparison.results], last="and")
    yield f"The surrogates were {labels}"
    tune, score = comparison.settings.get("tune") or {}, comparison.score
    if not tune:
        rate = comparison.settings.get("learning_rate")
        yield f"They were trained as given, at a learning rate of {rate}"
        return
    values = [
        f"{name.replace('_', ' ')} ({listed(value_text(name, value) for value in tried)})"
        for name, tried in tune.items()
    ]
    if all(len(tried) == 1 for tried in tune.values()):
        yield f"They were trained with {listed(values, last='and')}"
    else:
        yield (
            f"For each of them, every seed trained all combinations of {listed(values, last='and')}"
            f", and chose the one with the highest validation {score} after the last epoch"
        )
    if "mean_slope" in tune:
        yield (
            "For a mean slope the dampening was lowered until no population had a larger mean "
            "surrogate gradient at the initial weights"
        )


def _seeds(comparison: Comparison) -> Iterator[str]:
    counts = sorted({len(result.seeds) for result in comparison.results if result.seeds})
    ends = listed(dict.fromkeys([*counts[:1], *counts[-1:]]), last="to") if counts else "No"
    yield (
        f"{ends} seeds per surrogate set the split, the initial weights and the order of the "
        "samples, the same for all surrogates"
    )


def _test(comparison: Comparison) -> Iterator[str]:
    form, known = score_of(comparison), comparison.settings
    yield f"The test {form.name} after the last epoch is reported, as mean with a 95% t interval"
    sound = sum(not result.diverged for result in comparison.results)
    if len(comparison.seeds) < LEAST_SEEDS or sound < 2:
        yield "No test was made"
        return
    test = "the paired t test" if sound == 2 else "Tukey's test on paired differences"
    yield (
        f"Surrogates were compared seed by seed: one counts as lower by {test}, all pairs together "
        "at an error of 5%"
    )
    if comparison.margin is not None:
        margin = form.unit(comparison.margin)
        yield f"Two count as equal within {margin} by two one-sided t tests, each at 5%"
    if most := known.get("most_seeds"):
        first = known.get("first_seeds", LEAST_SEEDS)
        yield (
            f"Seeds were added from {first} to at most {most} while this was open; all looks share "
            "the error of 5%"
        )


def _software(comparison: Comparison) -> Iterator[str]:
    if comparison.environment:
        yield f"Versions: {versions(comparison.environment)}"
    if any("QPseudoSpike" in str(spec) for spec in comparison.candidates):
        yield PAPER
