"""Progress of a comparison: a bar in a terminal or a notebook, elsewhere a line a minute."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._wording import shortened
from ..records import CandidateResult, Comparison

SECONDS_BETWEEN = 60.0  # lines, where there is no terminal
LONGEST_IN_BAR = 24
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"

logger = logging.getLogger(__name__)


class Event(NamedTuple):
    """The argument of the ``callback`` of `compare`, after each epoch and at each result."""

    comparison: Comparison  # so far
    result: CandidateResult | None  # that has just come in, if any
    epochs_done: int  # by all runs that were missing
    epochs: int  # of all runs that were missing
    loss: float  # mean over the runs that have had an epoch
    runs_done: int
    runs: int


Callback = Callable[[Event], None]


@dataclass(eq=False)
class Progress:
    """Counts the epochs of the runs to train, shows a bar, and tells the callback."""

    comparison: Comparison
    epochs: int  # of a run
    callback: Callback | None
    shown: bool
    fault: Exception | None = None  # of the callback, which no candidate is to blame for
    _runs: int = 0
    _runs_done: int = 0
    _epochs_done: int = 0
    _bar: Any = None
    _open: str = ""

    def begin(self, runs: int) -> None:
        """Add runs that are to be trained."""
        self._runs += runs
        total = self._runs * self.epochs
        if self._bar is None and self.shown and total:
            self._bar = _bar(total)
        elif self._bar is not None:
            self._bar.total = total

    def still_open(self, labels: Sequence[str], before: int, seeds: int) -> None:
        """Say which candidates get more seeds."""
        names = ", ".join(shortened(label, LONGEST_IN_BAR) for label in labels)
        self._open = f", open: {names}"
        logger.info("After %s seeds not known yet: %s. They go on to %s.", before, names, seeds)

    def advance(self, label: str, epochs: int, loss: float) -> None:
        """Count epochs of all runs."""
        self._epochs_done += epochs
        self._tell(label, loss, None)

    def finish(self, label: str, runs: int, loss: float) -> None:
        """Count runs that have finished or failed, and those of their epochs that were not."""
        self._runs_done += runs
        if epochs := self._runs_done * self.epochs - self._epochs_done:
            self.advance(label, epochs, loss)

    def end(self, comparison: Comparison, result: CandidateResult) -> None:
        """Show the result of a candidate that has finished, or failed."""
        self.comparison = comparison
        self._tell(result.label, math.nan, result)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()

    def _tell(self, label: str, loss: float, result: CandidateResult | None) -> None:
        if self._bar is not None:
            ended = "" if math.isnan(loss) else f", loss {loss:.3f}"
            with suppress(OSError):  # a full disk that stderr goes to costs no results
                self._bar.set_description_str(shortened(label, LONGEST_IN_BAR), refresh=False)
                text = f"run {self._runs_done}/{self._runs}{ended}{self._open}"
                self._bar.set_postfix_str(text, refresh=False)
                self._bar.update(self._epochs_done - self._bar.n)
        if self.callback is None:
            return
        epochs = self._epochs_done, self._runs * self.epochs
        runs = self._runs_done, self._runs
        try:
            self.callback(Event(self.comparison, result, *epochs, loss, *runs))
        except Exception as error:
            self.fault = error
            raise


def _bar(total: int) -> Any:
    """A bar of tqdm, or None where it is not installed or cannot be shown."""
    try:
        from tqdm.asyncio import tqdm as outside_of_notebooks
        from tqdm.auto import tqdm
    except ImportError:
        return None
    options: dict[str, Any] = {"total": total, "desc": "starting", "smoothing": 0}
    if tqdm is outside_of_notebooks:
        options["bar_format"] = BAR
        on_terminal = {"dynamic_ncols": True}
        lines = {"ncols": 80, "mininterval": SECONDS_BETWEEN}
        options |= on_terminal if sys.stderr.isatty() else lines
    with suppress(OSError):
        return tqdm(**options)
    return None
