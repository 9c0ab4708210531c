"""The user's models, given on the command line as ``module:factory``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import described, reason


def checked_path(path: str) -> str:
    """The path ``module:factory`` of a model, if it has this form.

    Raises
    ------
    argparse.ArgumentTypeError
        If it has another form.
    """
    module, colon, name = path.partition(":")
    right = f"{module.removesuffix('.py').replace('/', '.')}:{name or 'network'}"
    if not (module and colon and name) or module.endswith(".py"):
        raise argparse.ArgumentTypeError(
            f"a model is given as module:factory, got {path!r}. For example {right}"
        )
    return path


def factory_of(path: str) -> Callable[..., Any]:
    """Import the factory; its module may be in the working directory.

    Raises
    ------
    ValueError
        If the module cannot be imported, or has no such function.
    """
    module, _, name = path.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    with blamed_on(path):
        factory = getattr(importlib.import_module(module), name, None)
    if not callable(factory):
        raise ValueError(f"{module} has no function {name!r}. Check the name after the colon")
    return factory


@contextmanager
def blamed_on(path: str) -> Iterator[None]:
    """Name the model in the message of an error that it caused; JAX's messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        why = described(error)
        if isinstance(error, KeyError) and "'dt'" in reason(error):
            why = (
                "the model needs a time step. Call for example "
                "brainstate.environ.set(dt=1.0 * brainunit.ms) in the factory"
            )
        raise ValueError(f"in the model of {path}: {why}") from error
