"""Try changes: run their lines on the model, train a copy for some steps, restore the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .._models import find_neurons, restoring, set_spike
from ..records import LearningTrial
from .changes import Change
from .evaluate import Measured
from .passes import with_index
from .tracing import trace
from .trial import HOPELESS, LONGEST

SOONER = 2  # a change helps if the loss halves this many times as fast
CLEARLY = 0.2  # a change helps if it lowers the loss by this share of the constant answer's


@dataclass
class Attempts:
    """Changes of one measured model, each tried once."""

    measured: Measured
    tried: set[tuple[str, ...]] = field(default_factory=set)  # lines
    kinds: dict[str, None] = field(default_factory=dict)  # of changes whose lines could be run

    def first_that_helps(self, changes: Iterable[Change]) -> tuple[Change, LearningTrial] | None:
        """The first change that makes the trial clearly better; those tried before did not."""
        before = self.measured.trial
        for change in changes:
            if change.lines in self.tried:
                continue
            self.tried.add(change.lines)
            try:
                after = self._try(change)
            except Exception:  # the user would meet it, too
                continue
            self.kinds[change.what] = None
            if is_better(after, before):
                return change, after
        return None

    def _try(self, change: Change) -> LearningTrial:
        evaluator, before = self.measured.evaluator, self.measured.trial
        model, trials = evaluator.model, self.measured.trials
        with restoring(model):
            neurons = find_neurons(model)
            for name, spike in self.measured.spikes.items():
                set_spike(neurons[name], spike)
            inputs = change.run(model, evaluator.inputs, evaluator.wanted)
            step = trace(model, inputs)
        longest = before.half_after // SOONER + 1 if before.half_after else LONGEST
        assert trials is not None
        return trials.judge(step, step.spikes, with_index(inputs), longest=longest).record


def is_better(after: LearningTrial, before: LearningTrial) -> bool:
    """Whether a trial learns at least twice as fast, or to a clearly lower loss.

    A change that lowers the loss at the start, but not during training, does not help.
    """
    if not after.had_learned and after.share_gone - after.gone_after(0) < HOPELESS:
        return False
    if after.half_after is not None and before.half_after is not None:
        return after.half_after <= before.half_after / SOONER
    steps = len(after.losses)
    if after.half_after is None:
        steps = min(steps, len(before.losses))
    return after.gone_after(steps) >= before.gone_after(steps) + CLEARLY
