"""The plan of a comparison: its candidates, and its runs, each under a key.

The key of a run is a digest of what its numbers depend on, as far as can be read: data, setting,
seed, options, versions, and the source of the user's code (`code`). Labels, and what else is
trained beside it, are not among these. What cannot be read shows in its probe (`kept`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._registry import candidates, surrogate_spec
from ..typing import SurrogateSpecs
from .code import described, sources
from .experiment import RATE, Experiment, at_setting, of_program, text_of
from .numerics import packages, xla_flags
from .typing import Plain, Setting

OF_TUNING = "candidate", "tuned"  # how a run came about, which is no part of its key


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
    program: str  # what the factory and the optimizer are given
    about: Plain  # what the key is made of
    probe: tuple[float, ...] = ()  # numbers of the first batch

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate at the setting."""
        return at_setting(self.candidate.surrogate, self.setting)


def candidates_of(surrogates: SurrogateSpecs) -> dict[str, Candidate]:
    """The candidates by label."""
    built = candidates(surrogates)
    return {label: Candidate(label, each, surrogate_spec(each)) for label, each in built.items()}


class Plan:
    """Lists the runs of an experiment, each with its key."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def runs(self, candidate: Candidate, settings: Sequence[Setting]) -> list[Run]:
        """Every setting with every seed, seed by seed."""
        tuned = self.experiment.settings
        depends_on = [*map(partial(self._depends_on, candidate), settings, tuned)]
        return [
            _run(candidate, setting, {**about, "seed": seed})
            for seed in self.experiment.seeds
            for setting, about in zip(settings, depends_on)
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
    def _options(self) -> Plain:
        """What all runs are given beside the data, named as in messages."""
        experiment = self.experiment
        prepare = {"prepare": experiment.prepare}
        return described({**experiment.facts, **prepare, **experiment.functions})

    def _depends_on(self, candidate: Candidate, setting: Setting, tuned: Setting) -> Plain:
        """What the key of a run is made of, besides the seed, and how the run came about."""
        surrogate, program = at_setting(candidate.surrogate, setting), of_program(setting)
        rate = float(setting.get(RATE, self.experiment.usual_rate))
        used = [*self.experiment.functions.values(), *_classes(surrogate), *program.values()]
        return {
            "surrogate": surrogate_spec(surrogate),
            "program": described(program),
            "data": {"sha256": self.data},
            "options": {**self._options, RATE: rate},
            "versions": packages() | {"XLA_FLAGS": " ".join(xla_flags())},
            "code": sources(used),
            **dict(zip(OF_TUNING, (candidate.spec, described(tuned)))),
        }


def _run(candidate: Candidate, setting: Setting, about: Plain) -> Run:
    parts = {name: part for name, part in about.items() if name not in OF_TUNING}
    key = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]
    return Run(candidate, setting, about["seed"], key, text_of(of_program(setting)), about)


def _classes(surrogate: Surrogate) -> Iterator[type]:
    yield type(surrogate)
    for value in vars(surrogate).values():
        if isinstance(value, Surrogate):
            yield from _classes(value)
