"""The networks of the casebook: failures with a known cause, and healthy networks.

A failure is a healthy design, its twin, with a mistake: fields of the design that differ. The files
of `tables` have them, one for each module of `networks`. There, functions and networks go by their
names, with their arguments as ``{ of = "times", factor = 255 }``, and surrogates by the names of
the registry. A design may begin as another one, its ``like``.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import optax

from braintools_qps import get_surrogate

from . import codes, functions
from .named import function
from .networks.design import Design

TABLES = Path(__file__).with_name("tables")
FUNCTIONS = {field.name for field in dataclasses.fields(Design) if "Function" in field.type}
SETS = "development", "held out", "sealed"
SETS += "blind", "second blind", "third blind", "fourth blind", "fifth blind", "sixth blind"

Row = Names = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, what is wrong with it and where.

    ``cause`` and ``population`` are the expected diagnosis; either may have alternatives, separated
    by "|". ``user`` says that only the user can mend it: no line of code on the model does. The
    rules were made with the set "development". "held out" was looked at with finished rules,
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
    set: str = ""  # of `SETS`

    @property
    def design(self) -> Design:
        return dataclasses.replace(self.twin, **self.mistake)


def read(kind: str) -> Iterator[Case]:
    """The networks of a kind; a twin that has a set is a healthy network, too."""
    table = tomllib.loads((TABLES / f"{kind}.toml").read_text("utf-8"))
    module = import_module(f".networks.{kind}", __package__)
    names = {"optax": optax} | vars(functions) | vars(codes) | vars(module)
    designs: dict[str, Design] = {}
    for name, row in table["twins"].items():
        known = {key: value for key, value in row.items() if key != "set"}
        designs[name] = designed(known, names, designs)
    for name, row in table["failures"].items():
        yield failure(name, row, names, designs)
    for name, row in table["twins"].items():
        if "set" in row:
            yield Case(name, "none", "", designs[name], {}, set=row["set"])


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
    return functions.Custom(function(of["derivative"], names))


KINDS = sorted(path.stem for path in TABLES.glob("*.toml"))
CASES = {case.name: case for kind in KINDS for case in read(kind)}
CASES = dict(sorted(CASES.items(), key=lambda item: SETS.index(item[1].set)))
