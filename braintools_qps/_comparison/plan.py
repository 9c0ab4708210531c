"""The candidates of a comparison, and their runs, each under a key.

The key of a run is a digest of what its numbers depend on, as far as can be read: data, setting,
seed, options, versions, and the source of the user's code (`code`). Labels, and what else is
trained beside it, are not among these. What cannot be read shows in its probe (`kept`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

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


def runs_of(candidate: Candidate, settings: Sequence[Setting], experiment: Experiment) -> list[Run]:
    """Every setting with every seed, seed by seed, each with its key."""
    pairs = [*zip(settings, experiment.settings)]
    depends_on = [_depends_on(candidate, *pair, experiment) for pair in pairs]
    runs = []
    for seed in experiment.seeds:
        for setting, shared in zip(settings, depends_on):
            about = shared | {"seed": seed}
            parts = {name: part for name, part in about.items() if name not in OF_TUNING}
            key = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]
            program = text_of(of_program(setting))
            runs.append(Run(candidate, setting, seed, key, program, about))
    return runs


def _depends_on(
    candidate: Candidate, setting: Setting, tuned: Setting, experiment: Experiment
) -> dict[str, Any]:
    """What the key of a run is made of, besides the seed, and how the run came about."""
    surrogate, program = at_setting(candidate.surrogate, setting), of_program(setting)
    functions = experiment.functions
    given = {"prepare": experiment.prepare, RATE: float(setting.get(RATE, experiment.usual_rate))}
    return {
        "surrogate": surrogate_spec(surrogate),
        "program": described(program),
        "data": {"sha256": experiment.task.sha256},
        "options": described({**experiment.facts, **given, **functions}),
        "versions": packages() | {"XLA_FLAGS": " ".join(xla_flags())},
        "code": sources([*functions.values(), *_classes(surrogate), *program.values()]),
        **dict(zip(OF_TUNING, (candidate.spec, described(tuned)))),
    }


def _classes(surrogate: Surrogate) -> Iterator[type]:
    yield type(surrogate)
    for value in vars(surrogate).values():
        if isinstance(value, Surrogate):
            yield from _classes(value)
