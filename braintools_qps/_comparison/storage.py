"""The files of a comparison: JSON to go on from, CSV for other programs."""

from __future__ import annotations

import csv
import json
import os
from io import StringIO
from itertools import count
from pathlib import Path

from ..records.comparison import Comparison

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"


def check_writable(directory: str | os.PathLike) -> None:
    """Make the directory if need be, and write to it.

    Raises
    ------
    OSError
        If that cannot be done.
    """
    probe = Path(directory) / (JSON_NAME + ".part")
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise OSError(
            f"results must go into a directory that can be written to, got {directory}: {error}. "
            "Give another one as out"
        ) from error


def numbered(directory: str | os.PathLike) -> dict[Path, Path]:
    """New names, with the first number that is free, for the files that a comparison has left."""
    paths = [Path(directory) / name for name in (JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME)]
    for number in count(1):
        names = {path: path.with_stem(f"{path.stem}-{number}") for path in paths}
        if not any(name.exists() for name in names.values()):
            break
    return {path: name for path, name in names.items() if path.exists()}


def set_aside(directory: str | os.PathLike) -> None:
    """Rename what an earlier comparison has left, so that none is ever lost."""
    for path, name in numbered(directory).items():
        path.rename(name)


def save(comparison: Comparison, directory: str | os.PathLike) -> None:
    """Write the JSON and the CSV. A file is replaced whole, so that none is ever half written."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / JSON_NAME, json.dumps(comparison.to_dict(), indent=1) + "\n")
    _replace(directory / CSV_NAME, _csv(comparison))


def load(directory: str | os.PathLike) -> Comparison | None:
    """What was saved in a directory, if anything was.

    Raises
    ------
    ValueError
        If the file there is not a comparison of this version.
    """
    path = Path(directory) / JSON_NAME
    if not path.exists():
        return None
    try:
        return Comparison.from_dict(json.loads(path.read_text()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not a saved comparison: {error}") from error


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text)
    beside.replace(path)


def _csv(comparison: Comparison) -> str:
    """One line for each candidate and seed."""
    shared = ("growth", "reach", "seconds_per_step", "seconds_per_epoch", "peak_bytes")
    each = ("test_accuracy", "validation_accuracy", "firing_rate")
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["surrogate", "task", "seed", *each, "final_loss", *shared])
    for result in comparison.results:
        for row, seed in enumerate(comparison.seeds):
            numbers = [getattr(result, name)[row] for name in each]
            numbers += [result.loss[row][-1], *(getattr(result, name) for name in shared)]
            writer.writerow([result.label, comparison.task["name"], seed, *numbers])
    return text.getvalue()
