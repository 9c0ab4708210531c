"""The networks of the casebook: failures with a known cause, and healthy networks.

A failure is a healthy design, its twin, with a mistake: fields of the design that differ. The files
of `tables` have them. There, functions and networks go by their names, with their arguments as
``{ of = "times", factor = 255 }``, and surrogates by the names of the registry. A design may begin
as another one, its ``like``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import optax

from braintools_qps import get_surrogate

from ..named import function
from . import data, mistakes
from .networks import Design

TABLES = Path(__file__).with_name("tables")
FUNCTIONS = {field.name for field in dataclasses.fields(Design) if "Function" in field.type}

Row = Names = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, what is wrong with it and where.

    ``cause`` and ``population`` are the expected diagnosis; either may have alternatives, separated
    by "|". ``user`` says that only the user can mend it: no line of code on the model does. The
    rules were made with the half "development". "held out" was looked at with finished rules,
    "sealed" and the blind ones are by people who had not read the rules; the authors of the blind
    ones had not read the guides either. None of those was run through `gradient_flow` or `prepare`
    when it was written.
    """

    name: str
    cause: str
    population: str
    twin: Design
    mistake: Row
    seen: str = ""  # the symptom
    thread: str = ""  # owner/repository#number
    user: bool = False
    half: str = ""

    @property
    def design(self) -> Design:
        return dataclasses.replace(self.twin, **self.mistake)


def read(half: str, *modules: ModuleType) -> dict[str, Case]:
    """The networks of a half; of functions of the same name, the last module's counts."""
    table = tomllib.loads((TABLES / f"{half.replace(' ', '_')}.toml").read_text("utf-8"))
    names: dict[str, Any] = {"optax": optax}
    for module in (mistakes, data, *modules):
        names |= vars(module)
    designs: dict[str, Design] = {}
    for name, row in table["twins"].items():
        designs[name] = designed(row, names, designs)
    default = half_of if half == "cases" else lambda name: half
    failures = [
        failure(name, {"half": default(name)} | row, names, designs)
        for name, row in table["failures"].items()
    ]
    healthy = [
        Case(name, "none", "", design, {}, half=default(name))
        for name, design in designs.items()
        if name not in table["alone"]
    ]
    return {case.name: case for case in (*failures, *healthy)}


def half_of(name: str) -> str:
    """``"development"`` or ``"held out"``, by the parity of a hash of the name."""
    return "held out" if hashlib.sha256(name.encode()).digest()[0] % 2 else "development"


def failure(name: str, row: Row, names: Names, designs: Mapping[str, Design]) -> Case:
    twin, known = row["twin"], {k: v for k, v in row.items() if k not in ("twin", "mistake")}
    twin = designs[twin] if isinstance(twin, str) else designed(twin, names, designs)
    return Case(name, twin=twin, mistake=fields(row["mistake"], names), **known)


def designed(row: Row, names: Names, designs: Mapping[str, Design]) -> Design:
    """A design from the fields in which it differs from another one."""
    changes = dict(row)
    like = designs[changes.pop("like")] if "like" in row else Design()
    return dataclasses.replace(like, **fields(changes, names))


def fields(row: Row, names: Names) -> dict[str, Any]:
    kinds = {"options": lambda of, names: tuple(of.items()), "surrogate": surrogate}
    kinds |= dict.fromkeys(FUNCTIONS, function)
    return {key: kinds[key](of, names) if key in kinds else of for key, of in row.items()}


def surrogate(of: str | Row, names: Names) -> Any:
    """One of the registry, one with a derivative, or a function."""
    if isinstance(of, str):
        return names.get(of) or get_surrogate(of)
    return mistakes.Custom(function(of["derivative"], names))


CASES = read("cases")
leaky = {"neuron": "Leaky", "gain": 1.0, "tau": 9.5, "rate": 1e-3, "epochs": 8}  # for `limits`
