"""The lines that end a flow and a preparation: what was read, how it was decided, what is next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._wording import plural

if TYPE_CHECKING:
    from .flow import GradientFlow
    from .learning_trial import LearningTrial
    from .preparation import Preparation

WHICH = (
    "Which surrogate: compare(task=(X, y), model=make), if X is one array (samples, time, "
    "features) and y its labels or targets."
)


def closing_of_flow(flow: GradientFlow) -> Iterator[str]:
    """The lines below the table of `gradient_flow`."""
    yield flow.read and f"Read: {flow.read}."
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
    yield prepared.read and f"Read: {prepared.read}."
    yield "Decided by short trainings (Adam), before and after each change."
    if not prepared.rate_helps:
        yield "Next: change what is named above, then prepare again; or train longer, at this rate."
    elif prepared.trial is not None and prepared.trial.had_learned:
        yield "Next: leave it, or train it further with Adam at this learning rate."
    else:
        yield f"Next: train it with Adam at this learning rate. {WHICH}"


def _decided(trial: LearningTrial | None) -> str:
    if trial is None:
        return "Decided without a training, by rates and gradients."
    steps = plural(len(trial.losses), "step")
    return (
        f"Decided by a training of {steps} (Adam): it learns if half of the best constant answer's "
        "loss goes."
    )
