"""A lock on a directory, which the operating system takes back from a process that ends."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_NAME = ".comparison.lock"

_ours: set[Path] = set()


@contextmanager
def locked(directory: str | os.PathLike) -> Iterator[None]:
    """Hold a directory, so that no other process writes results there meanwhile.

    Raises
    ------
    FileExistsError
        If another process holds it.
    """
    path = Path(directory) / LOCK_NAME
    file = _held(path)
    _ours.add(path)
    try:
        yield
    finally:
        _ours.discard(path)
        # Removed while it is held: whoever has opened it meanwhile sees that it is gone. Windows
        # removes only what is closed, and nothing that another one has open.
        removed = remove(path)
        os.close(file)
        if not removed:
            remove(path)


def abandon() -> None:
    """Remove the files of all locks that this process holds: it is about to end."""
    for path in tuple(_ours):
        remove(path)


def remove(path: Path) -> bool:
    """Remove a file that has served its purpose; what stands in the way must not cost results.

    Returns
    -------
    bool
        Whether it is gone.
    """
    with suppress(OSError):
        path.unlink(missing_ok=True)
        return True
    return False


def _held(path: Path) -> int:
    while True:
        file = _opened(path)
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            os.close(file)
            raise FileExistsError(
                f"only one comparison at a time can write its results to {path.parent}, and "
                "another one is writing there. Wait for it, or give another directory as out"
            ) from None
        except OSError as error:  # some file systems of clusters have no locks
            warnings.warn(
                f"{path.parent} cannot be locked ({error}), so that nothing keeps another "
                "comparison from writing its results there. See to it that none does",
                stacklevel=2,
            )
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            return file
        os.close(file)  # the one who held it has removed it


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise OSError(
            f"a directory for results must let {path.name} be made in it, got {path.parent}: "
            f"{error}. Remove that file, or give another directory as out"
        ) from error


def _lock(file: int) -> None:
    """Lock an open file or raise an OSError at once."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
