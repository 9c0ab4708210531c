"""Saved runs: those whose key and probe agree are used, and what differs is reported.

The probe of a run is taken on the first batch: loss, score, and the norms of the gradient and of
the first update. It shows what no key has, such as a file that the user's code reads.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np

from .._wording import listed, plural, shown
from .numerics import machine
from .plan import OF_TUNING, Run
from .runs import FOLDER, PROBED, Outcome, Runs
from .typing import Plain

NEAR_HERE, NEAR_ELSEWHERE = 1e-5, 1e-2  # on the machine that saved a run, and on any other


class Kept:
    """The runs that are known: those of this call, and saved ones that agree with theirs.

    If ``fresh``, saved runs do not count.
    """

    def __init__(self, store: Runs, fresh: bool) -> None:
        self.outcomes: dict[str, Outcome] = {}  # by key, without weights if they are in a file
        self.from_before = 0  # how many of them were saved
        self._store = store
        self._names = [] if fresh else store.names()
        self._unusable: dict[str, str] = {}  # files, by name, and what is wrong with them

    def add(self, run: Run, outcome: Outcome, notes: Sequence[str]) -> None:
        """Save a run that has just been trained, with notes on the model."""
        outcome = outcome._replace(name=run.key, about=run.about, probe=[*run.probe])
        outcome = outcome._replace(machine=machine(), notes=[*notes])
        is_saved = self._store.keep(outcome)
        self.outcomes[run.key] = outcome._replace(weights={}) if is_saved else outcome

    def find(self, runs: Iterable[Run]) -> list[str]:
        """Read the saved ones of these runs; say how others differ that were saved in their place.

        The sentences are empty if nothing differs.
        """
        place, differences = self._store.place, defaultdict[str, list[str]](list)
        for run in {run.key: run for run in runs}.values():
            if text := self._read(run):
                kind = "numbers" if text.startswith("numbers") else text  # which differ by run
                differences[kind].append(text)
        said = [
            f"{plural(len(texts), 'run')} in {place} {'was' if len(texts) == 1 else 'were'} made "
            f"with other {texts[0]}. {'It is' if len(texts) == 1 else 'They are'} trained again"
            for texts in differences.values()
        ]
        return said + [
            f"{plural(count, 'file')} in {place}/{FOLDER} {'is' if count == 1 else 'are'} {state}"
            for state, count in Counter(self._unusable.values()).items()
        ]

    def _read(self, run: Run) -> str:
        """Read a run; or else return how those differ that were saved in its place."""
        text = ""
        alike = [name for name in self._names if name.startswith(run.key.partition("-")[0])]
        for name in sorted(alike, key=lambda name: name != run.key):
            if (outcome := self._store.outcome(name)) is None:
                self._unusable[name] = "damaged"
            elif not (text := _other_numbers(outcome, run)):
                self.outcomes[run.key] = outcome._replace(weights={})
                self.from_before += 1
                return ""
        others = [] if alike else self._saved[_place_of(run.about)]
        return min((_other_parts(about, run.about) for about in others), key=len, default=text)

    @cached_property
    def _saved(self) -> Mapping[str, list[Plain]]:
        """What all saved runs are about, by candidate, setting and seed."""
        saved = defaultdict(list)
        for name in self._names:
            if (about := self._store.about(name)) is None:
                self._unusable[name] = "damaged" if "-" in name else "of an earlier version"
            else:
                saved[_place_of(about)].append(about)
        return saved


def _place_of(about: Plain) -> str:
    return json.dumps([about[name] for name in (*OF_TUNING, "seed")], sort_keys=True)


def _other_numbers(outcome: Outcome, run: Run) -> str:
    """The first number of the probe that differs, with both its values; empty if all agree."""
    near = NEAR_HERE if outcome.machine == machine() else NEAR_ELSEWHERE
    for name, before, now in zip(PROBED, outcome.probe, run.probe, strict=True):
        if not np.isclose(before, now, near, 0, equal_nan=True):
            digits = 3 if abs(before - now) > 0.01 * abs(now) else 7
            return f"numbers: {name} {before:.{digits}g}, now {now:.{digits}g}"
    return ""


def _other_parts(before: Plain, now: Plain) -> str:
    """How a saved run differs from one in its place."""
    texts = []
    for part in "code", "data", "versions", "options":
        old, new = before[part], now[part]
        names = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
        if names and part == "code":
            verb = "has" if len(names) == 1 else "have"
            texts.append(f"code: {listed(names, 4, last='and')} {verb} changed")
        elif names and part == "data":
            texts.append("data")
        elif names:
            values = (f"{n} {shown(old.get(n))}, now {shown(new.get(n))}" for n in names)
            texts.append(f"{part}: {listed(values, 3)}")
    specs = json.dumps(before["surrogate"]), json.dumps(now["surrogate"])
    return "; other ".join(texts) or "numbers: surrogate {}, now {}".format(*specs)
