"""Writes files: whole or not at all, through links, and into devices and pipes."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

TEMPORARY = f".{'[0-9a-f]' * 8}*"  # names of files that are being written


def write_file(path: str | os.PathLike, content: bytes | str) -> None:
    """Write a file, text in UTF-8.

    A regular file is replaced whole: processes that share a folder see the old file or the new one.
    A link stays and is written through. A device or a pipe gets the content as it is.

    Raises
    ------
    OSError
        If it cannot be written. A regular file that was there is then unchanged.
    """
    path, data = Path(path), content.encode() if isinstance(content, str) else content
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
    else:
        _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{secrets.token_hex(4)}{path.name}")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
