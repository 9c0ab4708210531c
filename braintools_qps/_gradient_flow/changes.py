"""Changes of a model or of its inputs: each can be applied, and written as code.

A cause proposes them, a trial shows whether they help, and `prepare` applies them. Text is made
last: `code` is what a user can type, and does the same as `apply`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate

from .._models import find_nodes, is_dropout, set_surrogate
from .._registry import call_text
from ..typing import Inputs, Model, SpikeFunction
from .normalize import normalize_surrogate
from .normalize_rates import normalize_rates, write_leaves
from .passes import replaced
from .relay import relay_weights
from .step import Step

SLOPE = 0.1  # the mean slope that surrogates are lowered to


class Given(NamedTuple):
    """How the user gave the inputs, for which the code of a change is written."""

    batch_first: bool = False
    is_task: bool = False

    @property
    def arguments(self) -> str:
        """The first arguments of our functions."""
        return "model, inputs, batch_first=True" if self.batch_first else "model, inputs"


class Code(NamedTuple):
    """Lines that do what a change does, and the names of this package that they use."""

    lines: tuple[str, ...]
    names: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """The lines without imports."""
        return tuple(line for line in self.lines if not line.startswith(("import ", "from ")))

    def __str__(self) -> str:
        imports = (f"from braintools_qps import {', '.join(self.names)}",) if self.names else ()
        return "; ".join((*imports, *self.lines))


class Change(abc.ABC):
    """One change of a model, of its inputs, or of how it is trained."""

    what = ""  # in a list of what was tried
    of_inputs = False  # which are the user's to change
    through_stops = False  # whether the trial lets gradients pass what stops them
    all_steps = False  # whether the loss of the trial reads the mean output of all steps

    @abc.abstractmethod
    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        """Change the model; the inputs to go on with."""

    @abc.abstractmethod
    def code(self, given: Given) -> Code:
        """The same as lines of code; none where only the user can write them."""

    def said(self, given: Given) -> str:
        """The beginning of a sentence about its trial."""
        return f"After {'; '.join(self.code(given).statements)}"


@dataclass(frozen=True)
class Both(Change):
    """Two changes, one after the other."""

    first: Change
    second: Change

    @property
    def what(self) -> str:  # type: ignore[override]
        return self.first.what

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        return self.second.apply(model, self.first.apply(model, inputs))

    def code(self, given: Given) -> Code:
        first, second = self.first.code(given), self.second.code(given)
        return Code(first.lines + second.lines, first.names + second.names)


@dataclass(frozen=True)
class BringRates(Change):
    """Bring every population to a firing rate; None for the default of `normalize_rates`."""

    rate: float | None = None
    what = "other firing rates"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        normalize_rates(model, inputs, **_given(rate=self.rate))
        return inputs

    def code(self, given: Given) -> Code:
        options = _typed(rate=self.rate)
        return Code((f"normalize_rates({given.arguments}{options})",), ("normalize_rates",))


@dataclass(frozen=True)
class RelayWeights(Change):
    """Give a deep stack weights that pass spikes on."""

    rate: float | None = None
    what = "relayed spikes"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        relay_weights(model, inputs, **_given(rate=self.rate))
        return inputs

    def code(self, given: Given) -> Code:
        options = _typed(rate=self.rate)
        return Code((f"relay_weights({given.arguments}{options})",), ("relay_weights",))


@dataclass(frozen=True)
class ScaleWeights(Change):
    """Multiply some weights of a step by a factor."""

    step: Step
    positions: tuple[int, ...]
    factor: float
    what = "larger or smaller weights"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        _rewrite(model, self.step, self.positions, lambda w: w * self.factor)
        return inputs

    def code(self, given: Given) -> Code:
        return Code(tuple(self.step.code(i, f"{self.factor:g} * {{0}}") for i in self.positions))


@dataclass(frozen=True)
class CentreWeights(Change):
    """Subtract the mean from some weights of a step."""

    step: Step
    positions: tuple[int, ...]
    what = "centred weights"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        _rewrite(model, self.step, self.positions, lambda w: w - w.mean())
        return inputs

    def code(self, given: Given) -> Code:
        return Code(tuple(self.step.code(i, "{0} - {0}.mean()") for i in self.positions))


@dataclass(frozen=True)
class SetSurrogates(Change):
    """Give populations other surrogates, each with its code; perhaps stop gradients at resets."""

    surrogates: Mapping[str, SpikeFunction]
    codes: Mapping[str, str]
    detach: bool = False

    @property
    def what(self) -> str:  # type: ignore[override]
        return "detached resets" if self.detach else "other surrogates"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        set_surrogate(model, self.surrogates, detach_reset=self.detach or None)
        return inputs

    def code(self, given: Given) -> Code:
        pairs = ", ".join(f"{name!r}: {code}" for name, code in self.codes.items())
        names = ("Scaled", "set_surrogate") if "Scaled(" in pairs else ("set_surrogate",)
        detach = ", detach_reset=True" if self.detach else ""
        return Code((f"set_surrogate(model, {{{pairs}}}{detach})",), names)


@dataclass(frozen=True)
class LowerSurrogates(Change):
    """Lower mean slopes, of other surrogates where they are given with their code."""

    mean_slope: float = SLOPE
    surrogates: Mapping[str, Surrogate] | None = None
    surrogates_code: str = ""
    detach: bool = False
    what = "other surrogates"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        options = _given(surrogate=self.surrogates)
        lowered = normalize_surrogate(model, inputs, mean_slope=self.mean_slope, **options)
        set_surrogate(model, lowered, detach_reset=self.detach or None)
        return inputs

    def code(self, given: Given) -> Code:
        other = f", surrogate={self.surrogates_code}" if self.surrogates else ""
        slope = "" if self.mean_slope == SLOPE else f", mean_slope={self.mean_slope:g}"
        detach = ", detach_reset=True" if self.detach else ""
        lowered = f"normalize_surrogate({given.arguments}{other}{slope})"
        line = f"set_surrogate(model, {lowered}{detach})"
        imports = ("from brainunit import Quantity",) if "Quantity(" in other else ()
        return Code((*imports, line), ("normalize_surrogate", "set_surrogate"))


@dataclass(frozen=True)
class SetDropout(Change):
    """Give a dropout another share to keep."""

    name: str
    node: str  # its code
    prob: float
    what = "less dropout"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        find_nodes(model, is_dropout)[self.name].node.prob = self.prob  # not its Vmap
        return inputs

    def code(self, given: Given) -> Code:
        return Code((f"{self.node}.prob = {self.prob:g}",))


@dataclass(frozen=True)
class ChangeInputs(Change):
    """Change each array of the inputs, by a function and by its code with ``{x}``."""

    function: Callable[[Any], Any]
    expression: str
    is_tree: bool = False
    what = "other inputs"
    of_inputs = True

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        return jax.tree.map(self.function, inputs)

    def code(self, given: Given) -> Code:
        if given.is_task:  # its data are arrays that the task was made from
            return Code(())
        each = self.expression.format(
            x="x" if self.is_tree else "inputs", time=int(given.batch_first)
        )
        each = f"jax.tree.map(lambda x: {each}, inputs)" if self.is_tree else each
        return Code((*["import jax"] * ("jax." in each), f"inputs = {each}"))

    def said(self, given: Given) -> str:
        if given.is_task:
            return f"With X = {self.expression.format(x='X', time=1)} in the task's data"
        return f"After {'; '.join(self.code(given).statements)}"


@dataclass(frozen=True)
class LetGradientPass(Change):
    """What if nothing stopped the gradient? For the user to write."""

    stops: str
    what = "a gradient that passes"
    through_stops = True

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        return inputs

    def code(self, given: Given) -> Code:
        return Code(())

    def said(self, given: Given) -> str:
        return f"Where the gradient passes {self.stops}"


@dataclass(frozen=True)
class ReadAllSteps(Change):
    """What if the loss read the mean output of all steps? For the user to write."""

    what = "all steps in the loss"
    all_steps = True

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        return inputs

    def code(self, given: Given) -> Code:
        return Code(())

    def said(self, given: Given) -> str:
        return "With the mean output of all steps in the loss"


def written(spike: SpikeFunction, otherwise: str) -> str:
    """A surrogate as code; an expression for it where it has no spec."""
    try:
        return repr(call_text(spike))
    except (TypeError, AttributeError):  # no class that a spec names, or a value that none holds
        return otherwise


def _rewrite(
    model: Model, step: Step, positions: tuple[int, ...], function: Callable[[Any], Any]
) -> None:
    states = step.arrays.states
    old = [jnp.asarray(states[i]) for i in positions]
    new = [function(w).astype(w.dtype) for w in old]
    write_leaves(model, step, replaced(states, positions, new))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _typed(**options: Any) -> str:
    return "".join(f", {name}={value!r}" for name, value in _given(**options).items())
