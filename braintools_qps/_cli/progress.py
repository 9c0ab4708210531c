"""How far a comparison is: a bar in a terminal, and elsewhere a line a minute."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._comparison import Progress

EVERY = 60.0  # seconds from one line to the next


class Bar:
    """What is finished, what is in training, the rate and the time that is left, by tqdm."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def show(self, progress: Progress) -> None:
        """Show where the comparison stands."""
        first, *others = progress.labels
        runs = f"{progress.finished} of {progress.runs} runs, {progress.training} in training"
        self._bar.total = progress.total
        self._bar.set_description_str(
            first + (f" and {len(others)} more" if others else ""), refresh=False
        )
        self._bar.set_postfix_str(f"{runs}, loss {progress.loss:.3f}", refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def __str__(self) -> str:
        return str(self._bar)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Bar]:
    """One for as long as the block lasts.

    Raises
    ------
    ImportError
        If tqdm is missing.
    """
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "compare shows its progress with tqdm. Run pip install 'braintools-qps[train]'"
        ) from error
    options = {"unit": "epoch", "desc": "compiling", "disable": quiet}
    if quiet or sys.stderr.isatty():
        with tqdm(**options) as bar:
            yield Bar(bar)
        return
    with open(os.devnull, "w") as nowhere, tqdm(**options, file=nowhere, ncols=0) as bar:
        found = Bar(bar)
        with _lines(found):
            yield found


@contextmanager
def _lines(bar: Bar) -> Iterator[None]:
    """Print the bar now and then, whether it has moved or not, and at the end."""
    ended = Event()

    def tell() -> None:
        while not ended.wait(EVERY):
            print(bar, file=sys.stderr, flush=True)

    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
        print(bar, file=sys.stderr, flush=True)
    finally:
        ended.set()
        thread.join()
