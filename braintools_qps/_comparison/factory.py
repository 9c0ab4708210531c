"""The user's factory, and how a fresh model comes out of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import brainstate

from .._models import find_neurons, set_surrogate
from .model import environment
from .tasks import Task

GIVEN = ("features", "classes", "outputs", "steps")  # by the task, to factories that take them


@dataclass(frozen=True)
class Factory:
    """How models are made, and which of their neurons get the candidate."""

    make: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.make, brainstate.graph.Node) or not callable(self.make):
            raise TypeError(
                "model must be a function that returns a fresh model, as each training needs one, "
                f"got {_shown(self.make)}. Pass for example lambda features, classes: "
                "MyNetwork(features, classes)"
            )
        if not (self.where is None or callable(self.where) or isinstance(self.where, tuple)):
            raise TypeError(
                "where must be a class of neurons, a tuple of them, or a function from a neuron to "
                f"a bool, got {self.where!r}. For example where=brainpy.state.LIF"
            )

    def __call__(self, task: Task, surrogate: Any, options: Mapping[str, Any] = {}) -> Any:
        """Return a fresh model with the surrogate in its neurons."""
        model = self.fresh(task, options)
        set_surrogate(model, surrogate, where=self.where)
        return model

    def fresh(self, task: Task, options: Mapping[str, Any] = {}) -> Any:
        """Return a fresh model.

        Raises
        ------
        TypeError
            If the factory needs an argument that it does not get, or returns no brainstate model.
        ValueError
            If the model has no neuron.
        """
        arguments = self._arguments(task, {**self.options, **options})
        try:
            with environment():
                model = self.make(**arguments)
        except Exception as error:
            if "classes" in arguments and arguments["classes"] is None:
                raise _of_regression(self.make, task, error) from error
            raise
        if not isinstance(model, brainstate.graph.Node):
            raise TypeError(
                f"the factory {name_of(self.make)} must return a brainstate model, got "
                f"{type(model).__name__}. End it with 'return model', where model is a "
                "brainstate.nn.Module"
            )
        if not find_neurons(model):
            raise ValueError(
                f"the model must have neurons with a spike function spk_fun, got none in "
                f"{type(model).__name__}. Keep the surrogate as self.spk_fun and call it as "
                "self.spk_fun(V - V_th)"
            )
        return model

    @property
    def all_options(self) -> dict[str, Any]:
        """Options as given, and those that the factory has defaults for."""
        parameters = parameters_of(self.make)
        usual = {p.name: p.default for p in parameters if p.default is not p.empty}
        return {n: value for n, value in usual.items() if n not in GIVEN} | dict(self.options)

    def _arguments(self, task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
        parameters = parameters_of(self.make)
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
        known = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        given = {n: getattr(task, n) for n in GIVEN if n in known or takes_all}
        given |= options
        if not takes_all and (unknown := sorted(options.keys() - known)):
            raise TypeError(
                f"the factory {name_of(self.make)} takes {_listed(known)}, got the option "
                f"{_listed(unknown)}. Add the keyword to the factory, or leave the option out"
            )
        needed = [
            p.name for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]  # fmt: skip
        if missing := [name for name in needed if name not in given]:
            raise TypeError(
                f"a factory is called with those of {_listed(GIVEN)} that it takes, and with "
                f"options; {name_of(self.make)} needs {_listed(missing)} too. Give the argument a "
                f"default, or pass {missing[0]}=..."
            )
        return given


def parameters_of(factory: Callable) -> list[inspect.Parameter]:
    """What a factory takes; of a class, its ``__init__``, as its metaclass takes anything."""
    if not inspect.isclass(factory):
        return list(inspect.signature(factory).parameters.values())
    return list(inspect.signature(factory.__init__).parameters.values())[1:]


def name_of(function: Callable) -> str:
    """Its import path, or its name where it has none."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{getattr(function, '__module__', '?')}:{name}"


def _of_regression(make: Callable, task: Task, error: Exception) -> ValueError:
    shape = task.train.labels.shape
    return ValueError(
        f"a float y, here of shape {shape}, is a regression, for which {name_of(make)} gets "
        f"classes=None; it raised {type(error).__name__}: {error}. If y holds classes, pass them "
        "as integers, y.astype(int) or y.argmax(axis=1); if not, have the factory take outputs in "
        "place of classes"
    )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
