"""The plan of a comparison: its candidates, and its runs, each under a key.

The key of a run is a digest of all that its numbers depend on. Labels, and what else is trained
beside it, are not among these.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._candidates import candidates
from .._registry import get_surrogate, surrogate_spec
from .._surrogate import surrogate_key
from ..records import to_plain
from .experiment import OF_SURROGATES, RATE, Experiment, Setting, at_setting
from .identity import UNKNOWN, identity, name_of, without_partial
from .numerics import numerics, packages
from .optimizers import described_optimizer
from .tasks import Task


class Candidate(NamedTuple):
    """A surrogate to compare."""

    label: str
    surrogate: Surrogate
    spec: dict[str, Any]


class Run(NamedTuple):
    """One candidate at one setting with one seed."""

    candidate: Candidate
    setting: Setting
    seed: int
    key: str = ""
    parts: Mapping[str, Any] = {}  # all that the key is a digest of


def candidates_of(surrogates: Any) -> list[Candidate]:
    """The candidates, each rebuilt from its spec, so that its arrays are NumPy's.

    Raises
    ------
    ValueError
        If one is there twice.
    """
    specs = {label: surrogate_spec(given) for label, given in candidates(surrogates).items()}
    built = [Candidate(label, get_surrogate(spec), spec) for label, spec in specs.items()]
    labels: dict[Hashable, str] = {}
    for candidate in built:
        first = labels.setdefault(surrogate_key(candidate.surrogate), candidate.label)
        if first != candidate.label:
            raise ValueError(
                "each surrogate can be compared only once, got the same one as "
                f"{first} and as {candidate.label}. Leave one out"
            )
    return built


class Plan:
    """Gives runs of an experiment their keys."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    def runs(
        self, candidate: Candidate, settings: Sequence[Setting], seeds: Iterable[int]
    ) -> list[Run]:
        """Every setting with every seed, seed by seed."""
        parts = [self._parts(candidate, setting) for setting in settings]
        return [
            self._keyed(Run(candidate, setting, seed), of_setting)
            for seed in seeds
            for setting, of_setting in zip(settings, parts)
        ]

    @cached_property
    def code(self) -> dict[str, str]:
        """The identities of the functions that all runs share."""
        goal, make = self._experiment.objective, self._experiment.factory.make
        bound = getattr(make, "args", ()), getattr(make, "keywords", {})
        functions = {
            "model": without_partial(make),
            "options": bound,
            "optimizer": self._experiment.optimizer,
        }
        functions |= {"loss": goal.loss, "score": goal.score}
        return {name: identity(function) for name, function in functions.items()}

    @cached_property
    def shared(self) -> dict[str, Any]:
        """What all runs depend on: data, code, options, training, numerics, versions."""
        experiment = self._experiment
        return to_plain(
            {
                "data": digest(experiment.task),
                "model": name_of(experiment.factory.make),
                "options": experiment.factory.options,
                "epochs": experiment.epochs,
                "batch_size": experiment.batch_size,
                **described_optimizer(experiment.optimizer),
                **numerics(),
                "packages": packages(),
                "code": self.code,
            }
        )

    def _parts(self, candidate: Candidate, setting: Setting) -> dict[str, Any]:
        trained = at_setting(candidate.surrogate, setting)
        rest = {n: value for n, value in setting.items() if n not in (RATE, *OF_SURROGATES)}
        return {
            "surrogate": surrogate_spec(trained),
            "surrogate code": identity(*_classes(trained)),
            RATE: float(setting.get(RATE, self._experiment.usual_rate)),
            "setting": to_plain(rest),
            "setting code": identity(rest),
        }

    def _keyed(self, run: Run, parts: dict[str, Any]) -> Run:
        parts = parts | {"seed": run.seed}
        text = json.dumps([self.shared, parts], sort_keys=True)
        return run._replace(key=sha256(text.encode()).hexdigest()[:40], parts=parts)


def digest(task: Task) -> str:
    """A hash of the data of a task and of how they are used."""
    arrays = task.samples
    forms = [(array.shape, array.dtype.str) for array in arrays]
    about = forms, {n: fact for n, fact in task.facts.items() if n != "name"}, task.given_test
    whole = sha256(repr(about).encode())
    for array in arrays:
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()


def difference(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> list[str]:
    """What has changed between two sets of parts, each as a phrase."""
    changes = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if name == "code" and before["options"] != now["options"]:  # said by their values
                new = {**new, "options": old.get("options")}
            changes += difference(old, new, name)
        elif name == "data":
            changes.append("the data have changed")
        elif within == "code" and UNKNOWN in str(new):
            changes.append(f"a {str(new).split()[1]} in the {name} cannot be compared with another")
        elif within == "code":
            changes.append(f"the code of the {name} has changed")
        else:
            changes.append(f"{name} was {old}, now {new}")
    return changes


def _classes(surrogate: Surrogate) -> Iterator[type]:
    yield type(surrogate)
    for value in vars(surrogate).values():
        if isinstance(value, Surrogate):
            yield from _classes(value)
