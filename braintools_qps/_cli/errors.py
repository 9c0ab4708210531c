"""What the command line says of an error: one line, and where in the user's own code it arose."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
STATUS = 2  # as argparse has it, for what the user can mend
EXPECTED = (ValueError, TypeError, LookupError, ImportError, OSError, MemoryError)


def report(error: Exception, program: str, with_traceback: bool) -> int:
    """Print an error that the user can mend to stderr; raise one that only we can.

    Returns
    -------
    int
        The status to exit with.
    """
    if isinstance(error, BrokenPipeError) or not (_is_expected(error) or _place(error)):
        raise error
    if with_traceback:
        traceback.print_exception(error)
    print(f"{program}: {described(error)}", file=sys.stderr)
    return STATUS


def described(error: BaseException) -> str:
    """The message in one line; of an error in the user's own code, its type, file and line too."""
    error = _inner(error)
    place = _place(error)
    message = " ".join(reason(error).split())
    if isinstance(error, SyntaxError):  # says where it is by itself
        return f"{type(error).__name__}: {message}"
    if place is None:
        return message
    message = f"{type(error).__name__}: {message}".removesuffix(": ")
    return f"{message} ({Path(place.filename).name}, line {place.lineno}, in {place.name})"


def reason(error: BaseException) -> str:
    """The message; of a KeyError, whose str() is a repr, what it was raised with."""
    if type(error) is KeyError and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror:  # without its number
        place = "" if error.filename is None else f": {error.filename!r}"
        return f"{error.strerror}{place}"
    return str(error)


def arose_in(error: BaseException, files: Sequence[str]) -> bool:
    """Whether it passed through the user's own code, or through one of these files of ours."""
    ours = {str(PACKAGE / file) for file in files}
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename in ours or is_users(frame.filename) for frame in frames)


def is_users(filename: str) -> bool:
    """Whether a file belongs neither to us nor to Python nor to a package."""
    return not filename.startswith((*sysconfig.get_paths().values(), str(PACKAGE), "<"))


def _inner(error: BaseException) -> BaseException:
    """The error in a module of brainstate, which wraps it, once for each module, in their reprs."""
    while type(error).__name__ == "BrainStateError" and error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_expected(error: Exception) -> bool:
    units = sys.modules.get("brainunit")
    return isinstance(error, EXPECTED + ((units.UnitMismatchError,) if units else ()))


def _place(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost line of code that belongs neither to us nor to Python nor to a package."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame for frame in reversed(frames) if is_users(frame.filename)), None)
