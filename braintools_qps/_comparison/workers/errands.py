"""What travels to a worker and comes back: plain values and import paths, never live objects."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...records import to_plain
from ..numerics import Numerics
from ..tasks import Split, Task
from ..training import Bench


class Errand(NamedTuple):
    """A group of runs, small enough to be worth moving and large enough to be worth compiling."""

    bench: bytes  # factory, settings and objective; functions in it are import paths
    needs: tuple[str, ...]  # those paths, to tell people
    digest: str  # of the data
    packages: Mapping[str, str]  # versions that a worker must have
    numerics: Numerics
    kind: str  # "train" or "measure"
    surrogate: str  # its spec, as JSON
    jobs: tuple[tuple[dict[str, Any], int], ...]  # setting and seed
    epochs: int
    test: bool
    data: bytes | None = None  # only for a worker that has asked for it

    @property
    def runs(self) -> tuple[tuple[dict[str, Any], int], ...]:
        """The jobs, where they are trained and not measured."""
        return self.jobs if self.kind == "train" else ()

    @property
    def key(self) -> str:
        """What the answer depends on."""
        shared = [hashlib.sha256(self.bench).hexdigest(), self.digest, self.packages]
        own = [self.kind, self.surrogate, self.jobs, self.epochs, self.test]
        text = json.dumps(to_plain([*shared, self.numerics, *own]), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Answer(NamedTuple):
    """What a worker sends back."""

    value: Any  # None if it needs the data first
    error: Exception | None
    worker: dict[str, Any]  # host, process, device


def packed_bench(bench: Bench) -> tuple[bytes, tuple[str, ...]]:
    """All of a bench but its task, and the import paths in it.

    Raises
    ------
    TypeError
        If a function cannot be imported by its path, or an option cannot be sent.
    """
    make = bench.factory.make
    functions = [
        ("model", make.func if isinstance(make, partial) else make),
        ("optimizer", bench.settings.optimizer),
        ("loss", bench.objective.loss),
        ("score", bench.objective.score),
    ]
    needs = tuple(import_path(name, one) for name, one in functions if one is not None)
    try:
        packed = pickle.dumps((bench.factory, bench.settings, bench.objective))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"with an executor, options must be values that can be sent to a worker: {error}. Pass "
            "numbers and names, and build the rest in the factory"
        ) from error
    return packed, needs


def unpacked_bench(errand: Errand, task: Task) -> Bench:
    """The way back, on a worker.

    Raises
    ------
    ImportError
        If it lacks what is to be imported.
    """
    try:
        factory, settings, objective = pickle.loads(errand.bench)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"workers must be able to import {', '.join(errand.needs)}, got: {error}. Install the "
            "module there, or put its directory on their PYTHONPATH"
        ) from error
    return Bench(factory, task, settings, objective)


def import_path(name: str, function: Callable) -> str:
    """``"module:name"``, from which a worker gets the same function.

    Raises
    ------
    TypeError
        If it is a lambda, local to another function, or in the script that runs.
    """
    module, path = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    found: Any = None
    if module and module != "__main__" and path.replace("_", "a").replace(".", "a").isalnum():
        found = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part, None)
    if found is not function:
        raise TypeError(
            f"with an executor, {name} must be a function of a module that workers can import, "
            f"got {module or '?'}:{path or repr(function)}. Move it to the top of a file of its "
            "own and import it from there"
        )
    return f"{module}:{path}"


def packed_task(task: Task) -> bytes:
    """The data, compressed."""
    file = io.BytesIO()
    arrays = {
        f"{name}_{what}": getattr(part, what)
        for name, part in task.parts.items()
        for what in ("inputs", "labels")
    }
    about = json.dumps([task.name, task.classes, task.readout, task.scale])
    np.savez_compressed(file, about=np.array(about), **arrays)
    return file.getvalue()


def unpacked_task(data: bytes) -> Task:
    """The way back from `packed_task`."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        name, *about = json.loads(str(file["about"]))
        part = lambda of: Split(file[f"{of}_inputs"], file[f"{of}_labels"])
        train, validation, test = map(part, ("train", "validation", "test"))
    return Task(name, train, validation, test, *about)
