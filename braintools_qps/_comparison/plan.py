"""The plan of a comparison: its candidates, and its runs, each under a key.

The key of a run is a digest of what its numbers depend on, as far as a digest can tell (`digest`).
Labels, and what else is trained beside it, are not among these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import candidates, get_surrogate, surrogate_spec
from .._surrogate import QPseudoSpike
from ..records import to_plain
from ..typing import SurrogateSpecs
from .digest import digest, modules
from .experiment import RATE, Experiment, at_setting, of_program
from .numerics import packages, xla_flags
from .settings import settings_of
from .typing import Plain, Setting, Values


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
    program: str  # digest of what the factory and the optimizer are given
    # To train one epoch only, and to test the weights of a kept run
    kept: Values | None = None

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
        self._parts: dict[str, list[tuple[Setting, dict[str, Any]]]] = {}  # of candidates, by label

    def runs(self, candidate: Candidate, seeds: Iterable[int]) -> list[Run]:
        """Every setting with every seed, seed by seed."""
        if candidate.label not in self._parts:
            settings = settings_of(candidate.surrogate, self.experiment)
            self._parts[candidate.label] = [(s, self._depends_on(candidate, s)) for s in settings]
        return [
            self._run(candidate, setting, parts, seed)
            for seed in seeds
            for setting, parts in self._parts[candidate.label]
        ]

    @cached_property
    def data(self) -> str:
        """A hash of the data and of how they are used."""
        task = self.experiment.task
        forms = [(array.shape, array.dtype.str) for array in task.samples]
        facts = {name: fact for name, fact in task.facts.items() if name != "name"}
        whole = sha256(repr((forms, facts, task.given_test)).encode())
        for array in task.samples:
            whole.update(np.ascontiguousarray(array).data)
        return whole.hexdigest()

    @cached_property
    def modules(self) -> dict[str, str]:
        """Digests of the user's modules, once factories have imported theirs."""
        experiment = replace(self.experiment, prepare=False)
        for setting in {digest(of_program(s)): s for s in experiment.settings}.values():
            with suppress(Exception):  # training raises it
                experiment.at(setting).start(QPseudoSpike(), 0)
        return modules()

    @cached_property
    def _shared(self) -> Plain:
        """What all runs depend on: data, code, options, training, numerics, versions."""
        return to_plain(
            {
                "data": self.data,
                **self.experiment.facts,
                "prepare": self.experiment.prepare,
                "packages": packages(),
                "flags": xla_flags(),
                "functions": {n: digest(f) for n, f in self.experiment.functions.items()},
                "modules": self.modules,
            }
        )

    def _depends_on(self, candidate: Candidate, setting: Setting) -> dict[str, Any]:
        """What the runs of a setting depend on, beside what all do: the same for every seed."""
        surrogate = at_setting(candidate.surrogate, setting)
        return {
            "surrogate": surrogate_spec(surrogate),
            "class": [digest(kind) for kind in _classes(surrogate)],
            RATE: float(setting.get(RATE, self.experiment.usual_rate)),
            "program": digest(of_program(setting)),
        }

    def _run(self, candidate: Candidate, setting: Setting, parts: dict[str, Any], seed: int) -> Run:
        text = json.dumps([self._shared, parts | {"seed": seed}], sort_keys=True)
        key = sha256(text.encode()).hexdigest()[:40]
        return Run(candidate, setting, seed, key, parts["program"])


def _classes(surrogate: Surrogate) -> Iterator[type]:
    yield type(surrogate)
    for value in vars(surrogate).values():
        if isinstance(value, Surrogate):
            yield from _classes(value)
