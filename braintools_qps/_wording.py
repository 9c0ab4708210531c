"""Parts of messages: short text, lists, ranges, plurals, what was meant, whose an error is."""

from __future__ import annotations

import difflib
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# This package, and all others, which may be on the path from several environments
INSTALLED = (
    str(Path(__file__).parent),
    *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")),
    *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
)


def shortened(text: str, longest: int = 60) -> str:
    """The text in one line of at most ``longest`` characters; three dots stand for the rest."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3].rstrip(".") + "..."


def shown(value: object) -> str:
    """A value as messages show it: its repr in one line, shortened."""
    return shortened(repr(value))


def listed(values: Iterable[object], most: int | None = None, *, last: str = "") -> str:
    """The values with commas between them, and the word ``last`` before the last one.

    Of more than ``most``, the first few and how many more; "nothing" if there is none.
    """
    texts = list(map(str, values)) or ["nothing"]
    if most is not None and len(texts) > most:
        texts = [*texts[: most - 1], f"{len(texts) - most + 1} more"]
    *before, end = texts
    return f"{', '.join(before)}{f' {last} ' if last else ', '}{end}" if before else end


def span(values: Sequence[float], form: str = ".2g") -> str:
    """One number, or the lowest and the highest, as "0.1 to 0.3"."""
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def plural(count: int, name: str) -> str:
    """A number of things, as "2 seeds"."""
    return f"{count:,} {name}{'s' * (count != 1)}"


def did_you_mean(
    name: str, known: Iterable[str], alike: Callable[[str], str] = lambda name: name
) -> str:
    """A question that names the closest of the known names; empty if none is close.

    ``alike`` is what to compare of a name, for example its lower case.
    """
    by_form = {alike(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(alike(name), by_form, n=1)
    return f". Did you mean {by_form[close[0]]!r}?" if close else ""


def cause_of(error: BaseException) -> BaseException:
    """The original error: brainstate wraps it once per module, with the reprs of the modules."""
    while type(error).__name__ == "BrainStateError" and error.__cause__ is not None:
        error = error.__cause__
    return error


def message_of(error: BaseException) -> str:
    """Its message in one line, that of a KeyError without quotes."""
    reason = error.args[0] if type(error) is KeyError and error.args else error
    return " ".join(str(reason).split())


def repeat_cause(error: BaseException) -> None:
    """Repeat the message of the original error as a note, where brainstate has wrapped it."""
    if (cause := cause_of(error)) is not error:
        error.add_note(f"{type(cause).__name__}: {message_of(cause)}")


def is_users(filename: str) -> bool:
    """Whether a file is the user's: not of this package, of Python or of an installed one."""
    return not filename.startswith((*INSTALLED, "<"))


@contextmanager
def from_extra(extra: str, why: str) -> Iterator[None]:
    """The context of an import that needs an extra of this package; ``why`` begins the error."""
    try:
        yield
    except ImportError as error:
        raise ImportError(f"{why}. Run pip install 'braintools-qps[{extra}]'") from error
