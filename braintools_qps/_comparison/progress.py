"""Progress of a comparison: what is about to be trained, how long it takes, and a bar of tqdm."""

from __future__ import annotations

import math
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._wording import plural, shortened

LONGEST_IN_BAR = 24


@dataclass(eq=False)
class Progress:
    """Says what is trained and how long it takes, counts its epochs, and shows a bar."""

    epochs: int  # of a run
    shown: bool
    runs: int = 0
    runs_done: int = 0
    epochs_done: int = 0
    known: int = 0  # runs that need no training, which the bar counts as done
    _bar: Any = None
    _began: float | None = None  # until the first group has ended

    def say(self, line: str) -> None:
        """Print a line to stderr, beside the bar, with or without a terminal."""
        with suppress(OSError):
            if self._bar is not None:
                self._bar.clear()
            if self.shown and sys.stderr is not None:
                print(line, file=sys.stderr, flush=True)

    def begin(self, runs: int) -> None:
        """Set how many runs are to be trained."""
        self.runs, self._began = runs, time.monotonic()
        if self.shown and runs:
            self._bar = _bar((self.known + runs) * self.epochs, self.known * self.epochs)

    def advance(self, label: str, epochs: int, loss: float) -> None:
        """Count epochs of all runs."""
        self.epochs_done += epochs
        if self._bar is not None:
            ended = "" if math.isnan(loss) else f", loss {loss:.3f}"
            with suppress(OSError):  # a full disk that stderr goes to costs no results
                self._bar.set_description_str(shortened(label, LONGEST_IN_BAR), refresh=False)
                done, runs = self.known + self.runs_done, self.known + self.runs
                text = f"run {done}/{runs}{ended}"
                self._bar.set_postfix_str(text, refresh=False)
                epochs_done = self.known * self.epochs + self.epochs_done
                self._bar.update(epochs_done - self._bar.n)

    def finish(self, label: str, runs: int, loss: float) -> None:
        """Count runs that have finished or failed, and those of their epochs that were not."""
        self.runs_done += runs
        self.advance(label, self.runs_done * self.epochs - self.epochs_done, loss)
        if self._began is not None and (left := self.runs - self.runs_done):
            seconds = time.monotonic() - self._began
            rest = _duration(seconds * left / self.runs_done)
            done = plural(self.runs_done, "run")
            self.say(f"{done} in {_duration(seconds)}: about {rest} for the other {left}")
        self._began = None

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()


def _duration(seconds: float) -> str:
    """About two digits, as "50 s", "12 min" or "3.4 h"."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _bar(total: int, done: int) -> Any:
    """A bar of tqdm, which writes nothing into a file; None where it is not installed."""
    with suppress(ImportError, OSError):
        from tqdm.auto import tqdm

        look: dict[str, Any] = {"unit": "epoch", "smoothing": 0, "dynamic_ncols": True}
        return tqdm(total=total, initial=done, desc="starting", disable=None, **look)
    return None
