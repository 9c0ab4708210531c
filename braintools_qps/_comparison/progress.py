"""How far a comparison is: a bar in a terminal or a notebook, and elsewhere a line a minute."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import Event, Thread
from typing import Any, NamedTuple

EVERY = 60.0  # seconds from one line to the next


class Progress(NamedTuple):
    """Where a comparison stands."""

    labels: tuple[str, ...]  # of the candidates in training
    done: int  # epochs, of all runs
    total: int
    loss: float  # mean over the runs of this epoch
    finished: int  # runs
    training: int
    runs: int  # in all


OnEpoch = Callable[[Progress], None] | None


@contextmanager
def reported(on_epoch: OnEpoch, *, shown: bool) -> Iterator[OnEpoch]:
    """What to call after each epoch, for as long as the block lasts.

    That is ``on_epoch``, and a bar before it if one is to be shown and tqdm is installed.
    """
    if not shown:
        yield on_epoch
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield on_epoch
        return
    with _bar(tqdm) as bar:

        def report(progress: Progress) -> None:
            _show(bar, progress)
            if on_epoch is not None:
                on_epoch(progress)

        yield report


@contextmanager
def _bar(tqdm: Any) -> Iterator[Any]:
    from tqdm.asyncio import tqdm as outside_of_notebooks

    options = {"unit": "epoch", "desc": "compiling"}
    if sys.stderr.isatty() or tqdm is not outside_of_notebooks:
        with tqdm(**options) as bar:
            yield bar
        return
    with (
        open(os.devnull, "w") as nowhere,
        tqdm(**options, file=nowhere, ncols=0) as bar,
        nullcontext() if bar.disable else _lines(bar),  # by TQDM_DISABLE
    ):
        yield bar


def _show(bar: Any, progress: Progress) -> None:
    """What is finished, what is in training, the rate and the time that is left."""
    first, *others = progress.labels
    runs = f"{progress.finished} of {progress.runs} runs, {progress.training} in training"
    if bar.total != progress.total:
        bar.reset(progress.total)
    bar.set_description_str(first + (f" and {len(others)} more" if others else ""), refresh=False)
    bar.set_postfix_str(f"{runs}, loss {progress.loss:.3f}", refresh=False)
    bar.update(progress.done - bar.n)


@contextmanager
def _lines(bar: Any) -> Iterator[None]:
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
