"""The lines that end a gradient flow: how inputs were read, and what is next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._wording import plural

if TYPE_CHECKING:
    from .flow import GradientFlow
    from .learning_trial import LearningTrial

WHICH = (
    "To choose a surrogate: compare(task=(X, y), model=make), with X of shape (samples, time, "
    "features) and y its labels or targets."
)


def closing_of_flow(flow: GradientFlow) -> Iterator[str]:
    """The lines below the table of `gradient_flow`."""
    yield flow.read and f"Inputs: {flow.read}."
    yield _decided(flow.trial)
    if flow.trial is not None and flow.trial.had_learned:
        yield f"Next: leave it, or train it further. {WHICH}"
    elif flow.diagnosis.code and not flow.diagnosis.changes_inputs:
        yield (
            "Next: prepare, with the same arguments, makes this change and names a learning rate. "
            f"{WHICH}"
        )
    elif flow.diagnosis.cause == "none":
        yield f"Next: prepare, with the same arguments, names a learning rate. {WHICH}"
    elif flow.diagnosis.cause != "unknown":
        yield "Next: change this, then gradient_flow(model, inputs) again."


def _decided(trial: LearningTrial | None) -> str:
    if trial is None:
        return "gradient_flow trained nothing: it looked at rates and gradients."
    steps = plural(len(trial.losses), "step")
    return (
        f"gradient_flow trained a copy for {steps} of Adam: a network learns if its loss falls to "
        "half of what a constant answer reaches."
    )
