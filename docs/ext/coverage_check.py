"""Warn, and so fail the build, about a public name that no page describes."""

import importlib
import pkgutil

from sphinx.util import logging

import braintools_qps

logger = logging.getLogger(__name__)


def public_names():
    """Yield what the package and its public modules list in ``__all__``, in full.

    What a module shares with the package is described there.
    """
    yield from (f"braintools_qps.{name}" for name in braintools_qps.__all__)
    for module in map(importlib.import_module, public_modules()):
        for name in module.__all__:
            if name not in braintools_qps.__all__:
                yield f"{module.__name__}.{name}"


def public_modules():
    for module in pkgutil.iter_modules(braintools_qps.__path__, "braintools_qps."):
        if not module.name.rpartition(".")[2].startswith("_"):
            yield module.name


def check(app, env):
    documented = env.get_domain("py").objects
    missing = [name for name in public_names() if name not in documented]
    for name in missing:
        logger.warning("%s is public, but docs/api has no page for it", name, type="coverage")


def setup(app):
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
