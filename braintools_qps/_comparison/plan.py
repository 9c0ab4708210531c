"""The plan of a comparison: its candidates, and its runs, each under a key.

The key of a run is a digest of all that its numbers depend on. Labels, and what else is trained
beside it, are not among these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._candidates import candidates
from .._registry import get_surrogate, surrogate_spec
from ..records import to_plain
from ..typing import SurrogateSpecs
from .devices import present_devices
from .experiment import RATE, Experiment, at_setting, of_program
from .identity import UNKNOWN, identity, without_partial
from .numerics import packages
from .tasks import Task
from .tune import settings_of
from .typing import Plain, Setting

CODE = "code of the "  # begins the names of digests of code


class Candidate(NamedTuple):
    """A surrogate to compare."""

    label: str
    surrogate: Surrogate
    spec: Plain


class Run(NamedTuple):
    """One candidate at one setting with one seed."""

    candidate: Candidate
    setting: Setting
    seed: int
    key: str
    parts: Plain  # all that it does not share with the others

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate at the setting."""
        return at_setting(self.candidate.surrogate, self.setting)


def candidates_of(surrogates: SurrogateSpecs) -> dict[str, Candidate]:
    """The candidates by label, each rebuilt from its spec, so that its arrays are NumPy's."""
    specs = {label: surrogate_spec(given) for label, given in candidates(surrogates).items()}
    return {label: Candidate(label, get_surrogate(spec), spec) for label, spec in specs.items()}


class Plan:
    """Lists the runs of an experiment, each with its key."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        # Settings of candidates, each with the parts of its runs, by label
        self._settings: dict[str, list[tuple[Setting, Plain]]] = {}

    def runs(self, candidate: Candidate, seeds: Iterable[int]) -> list[Run]:
        """Every setting with every seed, seed by seed."""
        if candidate.label not in self._settings:
            self._settings[candidate.label] = [
                (setting, self._parts(candidate, setting))
                for setting in settings_of(candidate.surrogate, self.experiment)
            ]
        return [
            Run(candidate, setting, seed, self._key({**parts, "seed": seed}), parts)
            for seed in seeds
            for setting, parts in self._settings[candidate.label]
        ]

    @cached_property
    def code(self) -> dict[str, str]:
        """The identities of the functions that all runs share."""
        make = self.experiment.factory.make
        options = getattr(make, "args", ()), getattr(make, "keywords", {})
        parts = {"model": without_partial(make), "options": options}
        functions = self.experiment.functions | parts
        return {CODE + name: identity(function) for name, function in functions.items()}

    @cached_property
    def shared(self) -> Plain:
        """What all runs depend on: data, code, options, training, numerics, versions."""
        return to_plain(
            {
                "data": digest(self.experiment.task),
                **self.experiment.facts,
                "prepare": self.experiment.prepared is not None,
                "device": present_devices().all[0].device_kind,  # of this process
                "packages": packages(),
                **self.code,
            }
        )

    def why_not(self, about: Plain, runs: Sequence[Run]) -> list[str]:
        """Why a run on the disk is none of these runs, as phrases.

        There are none if it has another surrogate, setting or seed alone.
        """
        parts, different = about["parts"], changes(about["shared"], self.shared)
        named = lambda parts: (parts["surrogate"], parts["setting"])
        alike = (run.parts for run in runs if named(run.parts) == named(parts))
        return different or changes(parts, next(alike, parts))

    def _parts(self, candidate: Candidate, setting: Setting) -> Plain:
        trained, rest = at_setting(candidate.surrogate, setting), of_program(setting)
        return {
            "surrogate": surrogate_spec(trained),
            CODE + "surrogate": identity(*_classes(trained)),
            RATE: float(setting.get(RATE, self.experiment.usual_rate)),
            "setting": to_plain(rest),
            CODE + "setting": identity(rest),
        }

    def _key(self, parts: Plain) -> str:
        text = json.dumps([self.shared, parts], sort_keys=True)
        return sha256(text.encode()).hexdigest()[:40]


def digest(task: Task) -> str:
    """A hash of the data of a task and of how they are used."""
    arrays = task.samples
    forms = [(array.shape, array.dtype.str) for array in arrays]
    about = forms, {n: fact for n, fact in task.facts.items() if n != "name"}, task.given_test
    whole = sha256(repr(about).encode())
    for array in arrays:
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()


def changes(before: Plain, now: Plain) -> list[str]:
    """What has changed between two sets of parts, each as a phrase."""
    phrases = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            phrases += changes(old, new)
        elif name == "data":
            phrases.append("the data, or their readout, scale or dt, have changed")
        elif not name.startswith(CODE):
            phrases.append(f"{name} was {old}, now {new}")
        elif UNKNOWN in str(new):
            function = name.removeprefix(CODE)
            phrases.append(f"a {str(new).split()[1]} in the {function} cannot be compared")
        elif not (name.endswith("options") and before.get("options") != now.get("options")):
            phrases.append(f"the {name} has changed")  # options are said by their values
    return phrases


def _classes(surrogate: Surrogate) -> Iterator[type]:
    yield type(surrogate)
    for value in vars(surrogate).values():
        if isinstance(value, Surrogate):
            yield from _classes(value)
