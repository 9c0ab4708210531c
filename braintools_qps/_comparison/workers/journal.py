"""Answers of workers on disk, so that what has been trained is never trained again."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..._defaults import JOURNAL_NAME
from ...records import Cost, to_plain
from ..locks import remove
from ..programs import Outcome
from ..training import Curves, Tested
from .errands import Errand


class Journal:
    """One line of JSON for each finished group of runs; without a directory, nothing.

    What an earlier comparison has left goes only when there is something new to keep.
    """

    def __init__(self, directory: Path | None, *, resume: bool) -> None:
        self._path = None if directory is None else directory / JOURNAL_NAME
        self._lock = threading.Lock()
        self._closed = False
        self._fresh = not resume
        self._known = _read(self._path) if self._path is not None and resume else {}

    def get(self, errand: Errand) -> Any:
        """The answer from before, or None."""
        if errand.kind == "train":
            return self.trained(errand.key)
        known = self._known.get(errand.key)
        return known and Cost.from_dict(known)

    def trained(self, key: str) -> tuple[list[Outcome], str | None] | None:
        """What became of a group of runs, and why they could not be vmapped; or None."""
        if key not in self._known:
            return None
        outcomes, one_by_one = self._known[key]
        return [_read_outcome(*one) for one in outcomes], one_by_one

    def add(self, errand: Errand, value: Any) -> None:
        """Append an answer, if there is one."""
        self.keep(errand.key, value)

    def keep(self, key: str, value: Any) -> None:
        """Append a value, if there is one. A full disk costs no more than the entry."""
        if self._path is None or value is None:
            return
        line = json.dumps({"key": key, "value": to_plain(value)}, allow_nan=False) + "\n"
        with self._lock:
            if self._closed:
                return
            try:
                if self._fresh:
                    remove(self._path)
                    self._fresh = False
                with open(self._path, "a", encoding="utf-8") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                pass

    def close(self) -> None:
        """Remove the file: all that is in it has come into the results."""
        with self._lock:
            self._closed = True  # an answer's note may still be under way
            if self._path is not None:
                remove(self._path)


def _read_outcome(curves: list, best_epoch: int, tested: list | None) -> Outcome:
    return Outcome(
        Curves(*map(_numbers, curves)),
        best_epoch,
        None if tested is None else Tested(*map(_numbers, tested)),
    )


def _numbers(values: Any) -> Any:
    return np.array(values, float)  # "nan" is one


def _read(path: Path) -> dict[str, Any]:
    """What can be read: the last line may have been cut off."""
    known: dict[str, Any] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return known
    for line in lines:
        try:
            entry = json.loads(line)
            known[entry["key"]] = entry["value"]
        except (ValueError, KeyError, TypeError):
            continue
    return known
