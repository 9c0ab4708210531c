"""The lines that end every result: what was read, how it was decided, what to type next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._wording import plural

if TYPE_CHECKING:
    from .comparison import Comparison
    from .flow import GradientFlow
    from .learning_trial import LearningTrial
    from .preparation import Preparation

WIDTH = 80  # characters of a terminal
PURPOSES = {"train": "train", "validation": "validate", "test": "test"}
WHICH = (
    "Which surrogate: compare(task=(X, y), model=make), if X is one array (samples, time, "
    "features) and y its labels or targets."
)


def wrapped(text: str, first: str = "", others: str | None = None) -> list[str]:
    """The text in lines of at most 80 characters, which begin so; options stay whole."""
    others = first if others is None else others
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def closing_of_flow(flow: GradientFlow) -> Iterator[str]:
    """The lines below the table of `gradient_flow`."""
    yield from _read(flow.read)
    yield _decided(flow.trial)
    if flow.trial is not None and flow.trial.had_learned:
        yield f"Next: leave it, or train it further. {WHICH}"
    elif (code := flow.diagnosis.code) and not code.startswith("inputs"):
        yield (
            "Next: prepare, with the same arguments, makes this change and names a learning rate. "
            f"{WHICH}"
        )
    elif flow.diagnosis.cause == "none":
        yield f"Next: prepare, with the same arguments, names a learning rate. {WHICH}"
    elif flow.diagnosis.cause != "unknown":
        yield "Next: change this, then gradient_flow(model, inputs) again."


def closing_of_preparation(prepared: Preparation) -> Iterator[str]:
    """The lines below those of `prepare`."""
    yield from _read(prepared.read)
    yield "Decided by short trainings (Adam), before and after each change."
    if not prepared.rate_helps:
        yield "Next: change what begins with But, then prepare again."
    elif prepared.trial is not None and prepared.trial.had_learned:
        yield "Next: leave it, or train it further with Adam at this learning rate."
    else:
        yield f"Next: train it with Adam at this learning rate. {WHICH}"


def data_of(comparison: Comparison) -> str:
    """What a comparison has read; empty if its record does not say."""
    task = comparison.task
    steps, features, parts = task.get("steps"), task.get("features"), task.get("samples")
    if not (steps and features and parts):
        return ""
    dt = f" of {comparison.settings['dt']}" if "dt" in comparison.settings else ""
    unit = f" in {task['unit']}" if task.get("unit") else ""
    samples = ", ".join(f"{count:,} to {PURPOSES.get(n, n)}" for n, count in parts.items())
    return (
        f"Read: {plural(steps, 'step')}{dt}, {plural(features, 'feature')}{unit}; samples: "
        f"{samples}."
    )


def _read(said: str) -> Iterator[str]:
    if said:
        yield f"Read: {said}."


def _decided(trial: LearningTrial | None) -> str:
    if trial is None:
        return "Decided without a training, by rates and gradients."
    steps = plural(len(trial.losses), "step")
    return (
        f"Decided by a training of {steps} (Adam): it learns if half of the best constant answer's "
        "loss goes."
    )
