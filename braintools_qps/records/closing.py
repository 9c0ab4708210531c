"""The lines that end a flow and a preparation: how inputs were read, and what is next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._wording import plural

if TYPE_CHECKING:
    from .flow import GradientFlow
    from .learning_trial import LearningTrial
    from .preparation import Preparation

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


def closing_of_preparation(prepared: Preparation) -> Iterator[str]:
    """The lines below those of `prepare`."""
    yield prepared.read and f"Inputs: {prepared.read}."
    if prepared.lines:
        yield "prepare trained a copy with Adam before and after each change, to see that it helps."
    if not prepared.rate_helps:
        yield "Next: change what is named above and call prepare again, or train longer."
    elif prepared.trial is not None and prepared.trial.had_learned:
        yield "Next: leave it, or train it further with Adam at this learning rate."
    else:
        yield f"Next: train it with Adam at this learning rate. {WHICH}"


def _decided(trial: LearningTrial | None) -> str:
    if trial is None:
        return "gradient_flow trained nothing: it looked at rates and gradients."
    steps = plural(len(trial.losses), "step")
    return (
        f"gradient_flow trained a copy for {steps} of Adam: a network learns if its loss falls to "
        "half of what a constant answer reaches."
    )
