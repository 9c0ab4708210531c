"""Models of the user's own, named on the command line as ``module:factory``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import arose_in, described, reason

# Where models are made, run and tried.
MODELS = tuple(f"_comparison/{name}.py" for name in ("factory", "model", "model_checks"))


def factory_of(path: str) -> Callable[..., Any]:
    """Import the factory; modules in the working directory count.

    Raises
    ------
    ValueError
        If the path has another form, or names no function.
    """
    module, name = check_path(path)
    if "" not in sys.path:
        sys.path.insert(0, "")
    factory = getattr(importlib.import_module(module), name, None)
    if not callable(factory):
        raise ValueError(f"{module} has no function {name!r}")
    return factory


def check_path(path: str) -> tuple[str, str]:
    """The module and the name in ``module:factory``.

    Raises
    ------
    ValueError
        If the path has another form.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ValueError(f"a model is given as module:factory, got {path!r}")
    if module.endswith(".py"):
        right = f"{module.removesuffix('.py').replace('/', '.')}:{name}"
        raise ValueError(f"a model is given as module:factory, here {right}, got {path!r}")
    return module, name


@contextmanager
def blamed_on(
    path: str, where: Callable[[BaseException], bool] = lambda error: True
) -> Iterator[None]:
    """Say whose model an error is about, where it is about one: JAX's own messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if not where(error):
            raise
        why = described(error)
        if isinstance(error, KeyError) and "'dt'" in reason(error):
            why = (
                "the model needs the length of a time step. Call for example "
                "brainstate.environ.set(dt=1.0 * brainunit.ms) where it is made"
            )
        raise ValueError(f"with the model of {path}: {why}") from error


def is_about_model(error: BaseException) -> bool:
    """Whether it arose in the user's code, or where `compare` makes and tries models."""
    return arose_in(error, MODELS)
