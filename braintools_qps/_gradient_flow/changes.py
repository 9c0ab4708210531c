"""Changes of a model or of its inputs: each can be applied, and written as code.

A cause proposes them, a trial shows whether they help, and `prepare` applies them. Text is made
last: `code` is what a user can type, and does the same as `apply`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from braintools.surrogate import Surrogate

from .._models import find_nodes, is_dropout, set_surrogate
from .._registry import call_text
from ..typing import Inputs, Model, SpikeFunction
from .loss import Loss
from .normalize import normalize_surrogate
from .normalize_rates import write_leaves
from .passes import replaced
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
    """Statements that do what a change does, with what they import."""

    statements: tuple[str, ...]
    names: tuple[str, ...] = ()  # of this package
    imports: tuple[str, ...] = ()  # lines that import from others

    def __str__(self) -> str:
        return "; ".join(lines_of([self]))


def lines_of(codes: Sequence[Code]) -> tuple[str, ...]:
    """The lines of several codes, imports first."""
    names = sorted({name for code in codes for name in code.names})
    ours = [f"from braintools_qps import {', '.join(names)}"] if names else []
    others = dict.fromkeys(line for code in codes for line in code.imports)
    return (*ours, *others, *(line for code in codes for line in code.statements))


class Change(abc.ABC):
    """One change of a model, of its inputs, or of how it is trained."""

    what: str = ""  # in a list of what was tried
    of_inputs = False  # which are the user's to change
    through_stops: bool = False  # whether the trial lets gradients pass what stops them
    loss: Callable[[Loss], Loss] | None = None  # what it makes of the loss of the trial

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
        return Code(*(one + other for one, other in zip(first, second)))


@dataclass(frozen=True)
class ChangeRates(Change):
    """Call `normalize_rates` or `relay_weights`; None for the rate that is its default."""

    function: Callable[..., Any]
    rate: float | None
    what: str

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        self.function(model, inputs, **({} if self.rate is None else {"rate": self.rate}))
        return inputs

    def code(self, given: Given) -> Code:
        name, rate = self.function.__name__, "" if self.rate is None else f", rate={self.rate!r}"
        return Code((f"{name}({given.arguments}{rate})",), (name,))


@dataclass(frozen=True)
class ChangeWeights(Change):
    """Change some weights of a step, by a function and by its code with ``{0}``."""

    step: Step
    positions: tuple[int, ...]
    function: Callable[[Any], Any]
    expression: str
    what: str

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        states = self.step.arrays.states
        old = [jnp.asarray(states[i]) for i in self.positions]
        new = [self.function(w).astype(w.dtype) for w in old]
        write_leaves(model, self.step, replaced(states, self.positions, new))
        return inputs

    def code(self, given: Given) -> Code:
        return Code(tuple(self.step.code(i, self.expression) for i in self.positions))


@dataclass(frozen=True)
class LowerSurrogates(Change):
    """Lower mean slopes, of other surrogates where they are given with their code."""

    mean_slope: float = SLOPE
    surrogates: Mapping[str, Surrogate] | None = None
    surrogates_code: str = ""
    what = "other surrogates"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        chosen, slope = self.surrogates, self.mean_slope
        lowered = normalize_surrogate(model, inputs, surrogate=chosen, mean_slope=slope)
        set_surrogate(model, lowered)
        return inputs

    def code(self, given: Given) -> Code:
        other = f", surrogate={self.surrogates_code}" if self.surrogates else ""
        slope = "" if self.mean_slope == SLOPE else f", mean_slope={self.mean_slope:g}"
        line = f"set_surrogate(model, normalize_surrogate({given.arguments}{other}{slope}))"
        imports = ("from brainunit import Quantity",) if "Quantity(" in other else ()
        return Code((line,), ("normalize_surrogate", "set_surrogate"), imports)


@dataclass(frozen=True)
class SetDropout(Change):
    """Give a dropout another share to keep."""

    name: str
    node: str  # its code
    prob: float
    what = "less dropout"

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        find_nodes(model, is_dropout)[self.name].prob = self.prob  # not its Vmap
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
        return Code((f"inputs = {each}",), imports=("import jax",) if "jax." in each else ())

    def said(self, given: Given) -> str:
        if given.is_task:
            return f"With X = {self.expression.format(x='X', time=1)} in the task's data"
        return super().said(given)


@dataclass(frozen=True)
class WhatIf(Change):
    """Another way to train, for the user to write: what ``clause`` says is tried as it is."""

    clause: str
    what: str
    through_stops: bool = False
    loss: Callable[[Loss], Loss] | None = None

    def apply(self, model: Model, inputs: Inputs) -> Inputs:
        return inputs

    def code(self, given: Given) -> Code:
        return Code(())

    def said(self, given: Given) -> str:
        return self.clause


def written(spike: SpikeFunction, otherwise: str) -> str:
    """A surrogate as code; an expression for it where it has no spec."""
    try:
        return repr(call_text(spike))
    except (TypeError, AttributeError):  # no class that a spec names, or a value that none holds
        return otherwise
