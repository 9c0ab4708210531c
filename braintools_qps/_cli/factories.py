"""The user's models, given on the command line as ``module:factory``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import arose_in, described, reason

# Files of this package that make, run and check models.
MODELS = tuple(f"_comparison/{name}.py" for name in ("factory", "model", "model_checks"))


def factory_of(path: str) -> Callable[..., Any]:
    """Import the factory; its module may be in the working directory.

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
        raise ValueError(f"{module} has no function {name!r}. Check the name after the colon")
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
        raise ValueError(
            f"a model is given as module:factory, got {path!r}. For example mynet:network"
        )
    if module.endswith(".py"):
        right = f"{module.removesuffix('.py').replace('/', '.')}:{name}"
        raise ValueError(f"a model is given as module:factory, got {path!r}. Write {right}")
    return module, name


@contextmanager
def blamed_on(
    path: str, where: Callable[[BaseException], bool] = lambda error: True
) -> Iterator[None]:
    """Name the model in the message of an error that it caused; JAX's messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if not where(error):
            raise
        why = described(error)
        if isinstance(error, KeyError) and "'dt'" in reason(error):
            why = (
                "the model needs a time step. Call for example "
                "brainstate.environ.set(dt=1.0 * brainunit.ms) in the factory"
            )
        raise ValueError(f"in the model of {path}: {why}") from error


def is_about_model(error: BaseException) -> bool:
    """Whether an error arose in the user's code, or where `compare` makes and checks models."""
    return arose_in(error, MODELS)
