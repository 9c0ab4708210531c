"""Every test finds brainstate's settings, its random numbers and registered names as they were.

A plugin, so that it reaches the examples in the package's docstrings, too.
"""

import os
import sys
from contextlib import contextmanager
from importlib import import_module

import brainstate
import pytest

from braintools_qps._registry import resolution


@pytest.fixture(autouse=True, scope="module")
def _restored_after_the_module():
    """What the fixtures of a module have set."""
    with restored():
        yield


@pytest.fixture(autouse=True, scope="module")
def _code_of_the_user(request):
    """Of all tests and benchmarks, which pytest imports at first, this file alone.

    A comparison digests all code of the user, which would take longer than its training.
    """
    digest = import_module("braintools_qps._comparison.digest")
    usual = digest._is_users_module

    def is_users(name):
        if name.startswith("benchmarks.") or not usual(name):
            return False
        file = getattr(sys.modules[name], "__file__", None) or ""
        return file == str(request.path) or not os.path.basename(file).startswith("test_")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "_is_users_module", is_users)
        yield


@pytest.fixture(autouse=True)
def _restored_after_the_test():
    with restored():
        yield


@contextmanager
def restored():
    before, registered = brainstate.environ.all(), dict(resolution._registered)
    try:
        with brainstate.random.seed_context(0):
            yield
    finally:
        after = brainstate.environ.all()
        for name in after.keys() - before.keys():
            brainstate.environ.pop(name)
        changed = {name: value for name, value in before.items() if after.get(name) is not value}
        brainstate.environ.set(**changed)
        resolution._registered.clear()
        resolution._registered.update(registered)
