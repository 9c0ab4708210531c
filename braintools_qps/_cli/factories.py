"""The user's models, given on the command line as ``module:factory``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os.path import relpath
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from .._wording import shortened, shown
from .errors import described


def factory_of(path: str | None) -> Callable[..., Any]:
    """Import the factory, whose module may be in the working directory; or the default network.

    Raises
    ------
    ValueError
        If the module cannot be imported, or has no such function.
    """
    if path is None:
        from .._comparison import RecurrentNetwork

        return RecurrentNetwork
    file, _, function = path.partition(":")
    rule = f"a model is given as module:factory, got {shown(path)}"
    if file.endswith(".py"):
        parts = Path(relpath(file)).with_suffix("").parts
        is_here = all(map(str.isidentifier, parts))
        meant = f"{'.'.join(parts if is_here else parts[-1:])}:{function or 'factory'}"
        raise ValueError(
            f"{rule}. Did you mean {meant!r}{'' if is_here else ', run in its folder'}?"
        )
    if not re.fullmatch(r"[\w.]+(:[\w.]*)?", path):
        raise ValueError(f"{rule}. Name both, as in mynet:network")
    if "" not in sys.path:
        sys.path.insert(0, "")
    with blamed_on(path):
        factory = resolve_name(path)
    if not callable(factory):
        raise ValueError(f"{rule}. Name the function")
    return factory


@contextmanager
def blamed_on(path: str) -> Iterator[None]:
    """Name the model in the message of an error that it caused; JAX's messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ValueError(f"in the model of {shortened(path)}: {described(error)}") from error
