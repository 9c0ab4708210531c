"""The lines that end a gradient flow: how inputs were read, and what is next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._wording import plural
from .learning_trial import SOON

if TYPE_CHECKING:
    from .flow import GradientFlow

WHICH = (
    "To choose a surrogate: compare(task=(X, y), model=make), with X of shape (samples, time, "
    "features) and y its labels or targets."
)


def closing_of_flow(flow: GradientFlow) -> Iterator[str]:
    """The lines below the table of `gradient_flow`."""
    trial, diagnosis = flow.trial, flow.diagnosis
    yield flow.read and f"Inputs: {flow.read}."
    if trial is None:
        yield "gradient_flow trained nothing: it looked at rates and gradients."
    else:
        yield (
            f"gradient_flow trained a copy for {plural(len(trial.losses), 'step')} of Adam: a "
            "network learns if its loss falls to half of what a constant answer reaches, and "
            f"slowly if it needs more than {SOON} steps or falls by less."
        )
    if diagnosis.code and not diagnosis.changes_inputs:
        yield (
            "Next: prepare, with the same arguments, makes this change and names a learning rate. "
            f"{WHICH}"
        )
    elif diagnosis.cause not in ("none", "unknown"):
        yield "Next: change this, then gradient_flow(model, inputs) again."
    elif trial is not None and trial.had_learned:
        yield f"Next: leave it, or train it further. {WHICH}"
    elif trial is not None and diagnosis.cause == "none":
        yield f"Next: prepare, with the same arguments, names a learning rate. {WHICH}"
