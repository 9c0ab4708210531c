"""What all runs of a comparison share: data, model, scoring, optimizer, and what is tuned."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import jax
import optax
from braintools.surrogate import Surrogate
from jax.typing import ArrayLike

from .._defaults import SAMPLES
from .._gradient_flow import fix
from .._surrogate import QPseudoSpike, adjusted, declarations
from ..typing import Model
from .code import PLAIN, described, name_of
from .contexts import environment, seeded
from .factory import Factory
from .model import Weights, initialised, set_values
from .numerics import numerics
from .optimizers import Optimizer, adamw, described_optimizer, names_of
from .scoring import Scoring
from .tasks import Task
from .typing import Plain, Setting, Values

RATE = "learning_rate"
MEAN_SLOPE = "mean_slope"  # that the dampening is to bring about
# Of the candidate itself: what its fields declare
TUNED = {d.tuned_as: name for name, d in declarations(QPseudoSpike()).items() if d.tuned_as}
OF_SURROGATES = (MEAN_SLOPE, *TUNED)


@dataclass(frozen=True, eq=False)
class Experiment:
    """Settings that all candidates share: data, model, training and tuning."""

    factory: Factory
    task: Task
    scoring: Scoring
    optimizer: Optimizer | None  # None for AdamW
    batch_size: int  # as many samples as there are to train on, at most
    usual_rate: float  # where the learning rate is not tuned
    epochs: int = 1
    seeds: tuple[int, ...] = (0,)
    tune: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    chosen: Setting = field(default_factory=dict)  # for the factory and the optimizer
    prepare: bool = False  # all candidates begin with weights that fire
    prepared: dict[tuple[int, str], Values] = field(default_factory=dict)  # by seed and `chosen`

    @property
    def functions(self) -> dict[str, Callable | None]:
        """The functions that all runs share, the user's or ours."""
        goal = self.scoring
        shared = {"model": self.factory.make, "optimizer": self.optimizer}
        return shared | {"loss": goal.loss, "score": goal.score}

    @property
    def facts(self) -> Plain:
        """What a record says about all runs, and what their keys depend on, besides the data."""
        return {
            "model": name_of(self.factory.make),
            "options": self.factory.options,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            **described_optimizer(self.optimizer),
            **numerics(),
        }

    @property
    def batches(self) -> int:
        """Number of batches in an epoch."""
        return self.task.sizes.train // self.batch_size

    @property
    def settings(self) -> list[Setting]:
        """Every combination of the values that are tuned; an empty one where nothing is."""
        return [dict(zip(self.tune, values)) for values in product(*self.tune.values())]

    def model(self, surrogate: Surrogate | None) -> Model:
        """A fresh model with the surrogate in its neurons."""
        names = names_of(self.optimizer)
        options = {name: value for name, value in self.chosen.items() if name not in names}
        return self.factory(self.task, surrogate, options)

    def start(self, surrogate: Surrogate | None, seed: int) -> tuple[Model, Weights]:
        """A fresh model with the initial weights of a seed, and its states."""
        with seeded(jax.random.key(seed), seed):
            model = self.model(surrogate)
            states = initialised(model, self.batch_size, self.task)
        if self.prepare:
            set_values(states, states.values._replace(trained=self._prepared(seed)))
        return model, states

    def _prepared(self, seed: int) -> Values:
        """The weights of a seed, brought into the range where they fire; for all candidates."""
        if (key := (seed, text_of(self.chosen))) not in self.prepared:
            surrogate = QPseudoSpike(alpha=8.0) if self.factory.takes_surrogate else None
            model, states = replace(self, prepare=False).start(surrogate, seed)
            with environment():
                fix(model, self.task.batch(SAMPLES, seed).inputs)
            self.prepared[key] = states.values.trained
        return self.prepared[key]

    def at(self, setting: Setting) -> Experiment:
        """The experiment with the values of a setting for the factory and the optimizer."""
        return replace(self, chosen=of_program(setting))

    def optimizer_for(self, learning_rate: ArrayLike) -> optax.GradientTransformation:
        """The optimizer, with what it takes of the rate, the steps and what is chosen."""
        steps, names = self.epochs * self.batches, names_of(self.optimizer)
        values = {**self.chosen, RATE: learning_rate, "steps": steps}
        return (self.optimizer or adamw)(**{n: v for n, v in values.items() if n in names})


def text_of(setting: Setting) -> str:
    """A text for a setting that no other has in this process, even where their reprs agree."""
    parts = {n: [described(v), 0 if isinstance(v, PLAIN) else id(v)] for n, v in setting.items()}
    return json.dumps(parts, sort_keys=True)


def of_program(setting: Setting) -> Setting:
    """The values of a setting for the factory and the optimizer."""
    return {n: value for n, value in setting.items() if n not in (RATE, *OF_SURROGATES)}


def at_setting(surrogate: Surrogate, setting: Setting) -> Surrogate:
    """The surrogate with its factors of dampening and scale, and its other tuned values."""
    values = {TUNED[name]: value for name, value in setting.items() if name in TUNED}
    return adjusted(surrogate, **values)
