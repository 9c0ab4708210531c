"""Makes fresh models with the user's factory."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import brainstate
from braintools.surrogate import Surrogate

from .._models import find_neurons, set_surrogate
from .._wording import did_you_mean, listed, shortened
from ..typing import Model
from .code import name_of
from .contexts import environment
from .tasks import Task
from .typing import Setting

# By the task, if the factory takes them.
GIVEN_TO_FACTORIES = ("features", "classes", "outputs", "steps", "input_rms")
VARIABLE = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL


@dataclass(frozen=True)
class Factory:
    """Makes models with the user's function, or with a partial that binds its options."""

    make: Callable[..., Model]

    def __post_init__(self) -> None:
        if isinstance(self.make, brainstate.graph.Node) or not callable(self.make):
            raise TypeError(
                "model must be a function that returns a fresh model for each training, got "
                f"{shortened(repr(self.make))}. Pass for example lambda features, classes: "
                "MyNetwork(features, classes)"
            )
        names = [p.name for p in parameters_of(self.make)]
        unknown = [name for name in getattr(self.make, "keywords", {}) if name not in names]
        if unknown and not self.takes_all:
            raise TypeError(
                f"options of the model must be among {listed(names)}, got {unknown[0]}. Take it in "
                f"the factory, or correct the name{did_you_mean(unknown[0], names)}"
            )

    @property
    def keywords(self) -> list[inspect.Parameter]:
        """Named parameters of the function, without those of the task and the candidate."""
        named = [p for p in parameters_of(self.make) if p.kind not in VARIABLE]
        return [p for p in named if p.name not in (*GIVEN_TO_FACTORIES, "surrogate")]

    @property
    def options(self) -> Setting:
        """Keywords with their values, those that a partial binds included."""
        usual = {p.name: p.default for p in self.keywords if p.default is not p.empty}
        return usual | getattr(self.make, "keywords", {})

    @property
    def takes_all(self) -> bool:
        """Whether the function takes any keyword."""
        return any(p.kind is p.VAR_KEYWORD for p in parameters_of(self.make))

    @property
    def takes_surrogate(self) -> bool:
        """Whether the function takes the candidate and puts it into the model itself."""
        return any(p.name == "surrogate" for p in parameters_of(self.make))

    def __call__(
        self, task: Task, surrogate: Surrogate | None = None, options: Mapping[str, Any] = {}
    ) -> Model:
        """Return a fresh model with the surrogate in its neurons, or with its own if there is none.

        Raises
        ------
        TypeError
            If the factory returns no brainstate model, or does not take the options.
        ValueError
            If the model has no neuron, or the factory raises StopIteration or SystemExit.
        """
        model = self._made(self._arguments(task, surrogate, options), task)
        if not find_neurons(model):
            raise ValueError(
                f"the model must have neurons with a spike function spk_fun, got none in "
                f"{type(model).__name__}. Keep the surrogate as self.spk_fun and call it as "
                "self.spk_fun(V - V_th)"
            )
        if surrogate is not None and not self.takes_surrogate:
            set_surrogate(model, surrogate)
        return model

    def _made(self, arguments: Setting, task: Task) -> Model:
        """What the function returns, if that is a model."""
        try:
            with environment():
                model = self.make(**arguments)
        except (StopIteration, SystemExit) as error:  # which would end a loop of ours, or Python
            raise ValueError(
                f"the factory {name_of(self.make)} must return a brainstate model, got "
                f"{type(error).__name__}. Have it raise another error"
            ) from error
        except Exception as error:
            if self.takes_all:
                error.add_note(f"Through ** it got {listed(arguments)}: name what it needs instead")
            if arguments.get("classes", 0) is not None:
                raise
            raise ValueError(
                f"y holds floats, here of shape {task.samples.labels.shape}, which means a "
                f"regression: {name_of(self.make)} gets classes=None, and raised "
                f"{type(error).__name__}: {error}. If y holds classes, pass integers: "
                "y.astype(int) or y.argmax(axis=1). If not, have the factory take outputs instead "
                "of classes"
            ) from error
        if not isinstance(model, brainstate.graph.Node):
            raise TypeError(
                f"the factory {name_of(self.make)} must return a brainstate model, got "
                f"{type(model).__name__}. End it with 'return model', where model is a "
                "brainstate.nn.Module"
            )
        return model

    def _arguments(self, task: Task, surrogate: Surrogate | None, options: Setting) -> Setting:
        names = (
            {*GIVEN_TO_FACTORIES} if self.takes_all else {p.name for p in parameters_of(self.make)}
        )
        names.difference_update(getattr(self.make, "keywords", {}))  # which a partial binds
        given = {name: getattr(task, name) for name in GIVEN_TO_FACTORIES if name in names}
        if self.takes_surrogate and surrogate is not None:
            given["surrogate"] = surrogate
        return given | dict(options)


def parameters_of(factory: Callable) -> list[inspect.Parameter]:
    """Parameters of a factory. A class has those of ``__init__``: its metaclass takes anything.

    In a partial, the keywords that it binds are defaults.
    """
    bound = partial(factory)
    make = partial(bound.func.__init__, None) if inspect.isclass(bound.func) else bound.func
    free = [*inspect.signature(make).parameters.values()][len(bound.args) :]
    return [p.replace(default=bound.keywords.get(p.name, p.default)) for p in free]
