"""Records data, settings and environment, and checks those of a saved comparison."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ..records import Comparison
from .devices import device_text
from .fingerprint import CODE, SOURCE, changes
from .storage import Store
from .tasks import Task

PACKAGES = (
    "braintools-qps", "braintools", "brainstate", "brainunit", "brainpy", "jax", "optax", "numpy",
)  # fmt: skip

DIFFERENT = {
    "task": "a different task",
    "settings": "different settings",
    "seeds": "different seeds",
    "environment": "a different environment",
}


def blank(
    specs: Sequence[Mapping[str, Any]], task: Task, settings: dict[str, Any], seeds: tuple[int, ...]
) -> Comparison:
    """A comparison that has no results yet."""
    return Comparison(
        task=task.facts | {"sha256": digest(task)},
        settings=settings,
        seeds=seeds,
        candidates=tuple(specs),
        environment=present_environment(),
    )


def digest(task: Task) -> str:
    """A hash of the data of a task and of how they are used."""
    arrays = task.samples
    forms = [(array.shape, array.dtype.str) for array in arrays]
    about = forms, task.classes, task.readout, task.scale, task.unit, task.given_test
    found = hashlib.sha256(repr(about).encode())
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


@cache
def packages() -> dict[str, str]:
    """Versions of the installed packages that results depend on."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # brainpy is an extra
            found[name] = version(name)
    return found


def present_environment() -> dict[str, Any]:
    """The versions and the machine that this process runs on."""
    return {
        "python": platform.python_version(),
        "packages": packages(),
        "platform": platform.platform(),
        "device": device_text(),
        "cores": os.cpu_count(),
    }


def resumed(comparison: Comparison, store: Store, *, strict: bool = False) -> Comparison:
    """The comparison with the saved results, if data and settings agree; failures are tried again.

    Another machine or other versions bring a warning, and ``environment["earlier"]`` lists the
    earlier environments.

    Raises
    ------
    ValueError
        If the task, the settings or the seeds differ, or there is no directory. With ``strict``,
        also if the environment differs.
    """
    saved = store.load()
    if saved is None:
        warnings.warn(
            f"Found nothing to resume in {store.directory}, so everything is trained.", stacklevel=3
        )
        return comparison
    before, now = saved.to_dict(), comparison.to_dict()
    for name in ("task", "settings", "seeds"):
        _check_same(name, before[name], now[name], store)
    results = tuple(result for result in saved.results if result.error is None)
    finished = [result.spec for result in results]
    kept = [spec for spec in saved.candidates if spec in finished or spec in comparison.candidates]
    added = [spec for spec in comparison.candidates if spec not in kept]
    return dataclasses.replace(
        comparison,
        candidates=(*kept, *added),
        results=results,
        notes=saved.notes,
        environment=_environments(before["environment"], now["environment"], store, strict),
    )


def compared(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that results depend on: all but the source code, which includes comments."""
    return {name: value for name, value in settings.items() if name != SOURCE}


def _check_same(name: str, before: Any, now: Any, store: Store) -> None:
    if difference := _difference(before, now):
        raise ValueError(
            f"the results in {store.directory} were made with {DIFFERENT[name]}: {difference}. "
            "Repeat the options of that run, or give another directory"
        )


def _environments(
    before: dict[str, Any], now: dict[str, Any], store: Store, strict: bool
) -> dict[str, Any]:
    """The present environment, with those of the saved results."""
    earlier = before.pop("earlier", [])
    if before == now:
        return now | ({"earlier": earlier} if earlier else {})
    if strict:
        _check_same("environment", before, now, store)
    warnings.warn(
        f"the results in {store.directory} come from a different environment: "
        f"{_difference(before, now)}. Expect differences within rounding; "
        "resume='strict' refuses such results",
        stacklevel=2,
    )
    return now | {"earlier": [*earlier, before]}


def _difference(before: Any, now: Any) -> str:
    """Names and values of all differences; empty if there are none."""
    if before == now:
        return ""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before}, now {now}"
    found = {key: (before.get(key), now.get(key)) for key in before | now if key != SOURCE}
    code = [one or {} for one in found.pop(CODE, ({}, {}))]
    told = [f"{key} {text}" for key, pair in found.items() if (text := _difference(*pair))]
    for name in code[0] | code[1]:
        pair = (one.get(name, {}) for one in code)
        told += [f"in the {name}, {change}" for change in changes(*pair)]
    return ", ".join(told)
