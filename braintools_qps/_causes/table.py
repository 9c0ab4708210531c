"""Why a network does not learn: every cause once, with its rule, its limit and its words.

The rules that look for them are `RULES` in `_gradient_flow.diagnose`, in the order in which they
count. A cause prevents learning; what only slows it is a hint below the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .limits import (
    CHAOTIC,
    FAR,
    FAR_BELOW,
    FLIPPED,
    KEPT,
    MAJORITY,
    NEGATIVE,
    OUT_OF_REACH,
    TOO_HIGH,
)

if TYPE_CHECKING:
    from ..records import PopulationFlow


@dataclass(frozen=True)
class Cause:
    """One row: what keeps a network from learning.

    ``word`` shows it in a ``column`` of `_tables.flow`, in the populations that it ``applies`` to.
    """

    name: str
    rule: str
    helps: str
    column: str = ""
    word: str = ""
    applies: Callable[[PopulationFlow], bool] = lambda population: False
    of_gradients: bool = False


CAUSES: dict[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause(
            "not finite",
            "NaN or infinity: in the inputs, forward, in the objective, or backward",
            "look at the population, the step and the origin in the message",
        ),
        Cause(
            "disconnected",
            "the output does not depend on the population",
            "let its spikes reach the output",
        ),
        Cause(
            "inputs",
            "all samples are the same, most samples have no input spike, or inputs are so small "
            "that the first population is silent, or so large that it is saturated or out of reach",
            "look at how the inputs are loaded and scaled",
        ),
        Cause(
            "start",
            f"more than {MAJORITY:.0%} of the neurons fire in the first step, also without inputs, "
            f"and more than {MAJORITY:.0%} of the spikes come before they stop",
            "membranes that begin below the threshold: `V_initializer`",
        ),
        Cause(
            "no gradient",
            "a population, or 90% of the parameters, gets a gradient of exactly 0",
            "take away what stops it: a `stop_gradient`, `round` or `sign`, or an objective that "
            "reads other steps or outputs",
            of_gradients=True,
        ),
        Cause(
            "too small",
            "the neurons before the output are fewer than the classes, or than half of the "
            "outputs; or those of another population that all signals pass are half as few",
            "more neurons",
        ),
        Cause(
            "dropout",
            f"a dropout keeps {KEPT:.0%} of the signals or less",
            "a larger `prob`: in brainstate it is the share that is kept",
        ),
        Cause(
            "delay",
            "no signal reaches a population within the run, but one does in a longer run",
            "a run that is longer than the delay",
        ),
        Cause(
            "silent",
            f"in more than {MAJORITY:.0%} of the samples no neuron of the population fires, and it "
            f"or one after it stays {FAR_BELOW:.0%} of the way below the threshold; or the spikes "
            f"of two populations in a row are the same for more than {MAJORITY:.0%} of the samples",
            "`normalize_rates`",
            "rate",
            "silent",
            lambda p: p.activity.is_silent,
        ),
        Cause(
            "saturated",
            f"more than {MAJORITY:.0%} of the neurons fire in 95% of the steps, or the population "
            f"fires {MAJORITY:g} times per step and its surrogate gradient is 0 in the last step",
            "`normalize_rates`",
            "rate",
            "saturated",
            lambda p: p.activity.is_saturated,
        ),
        Cause(
            "negative derivative",
            f"the surrogate gradient is below -{NEGATIVE:.0%} of its peak where membranes lie",
            "another surrogate",
            "slope",
            "negative",
            lambda p: p.slopes.is_negative,
        ),
        Cause(
            "out of reach",
            f"the surrogate gradient is below 0.1% of its peak at {OUT_OF_REACH:.0%} of the "
            "potentials, whatever its height",
            "a larger scale or a fatter tail",
            "flat",
            "out of reach",
            lambda p: p.slopes.out_of_reach,
        ),
        Cause(
            "too wide",
            f"the surrogate gradient is above 90% of its peak at {OUT_OF_REACH:.0%} of the "
            "potentials of a recurrent population, or of two in a row",
            "another surrogate",
        ),
        Cause(
            "too high",
            f"the mean slope of a population is above {TOO_HIGH:g}, and over all steps its "
            f"gradient grows {CHAOTIC:.0e}-fold, or {FAR:.0e}-fold without keeping its direction, "
            "or it reverses from step to step",
            "`normalize_surrogate`",
            "slope",
            "high",
            lambda p: p.slopes.is_high,
        ),
        Cause(
            "fading",
            "less than 1% of the gradient reaches the steps that bring 90% of what tells samples "
            "apart, and later steps do not repeat it",
            "more steps in the loss",
            of_gradients=True,
        ),
        Cause(
            "direction lost",
            f"the mean cosine between gradients of neighbouring steps is below {FLIPPED:g}",
            "a lower dampening, or a detached reset",
            "consistency",
            "flips",
            lambda p: p.gradient.overshoots,
            of_gradients=True,
        ),
        Cause(
            "information lost",
            "the outputs vary in fewer directions than half of what the task needs",
            "no mean over neurons, and no weights that are alike",
        ),
        Cause("none", "none of these", "choose a surrogate by training: `compare`"),
    )
}


def cause_word(population: PopulationFlow, column: str) -> str:
    """The word beside a population's number: its cause, or ok; empty in a column without causes."""
    causes = [cause for cause in CAUSES.values() if cause.column == column]
    words = (cause.word for cause in causes if cause.applies(population))
    return next(words, "ok" if causes else "")
