"""Every test finds brainstate's settings, its random numbers and registered names as they were.

A plugin, so that it reaches the examples in the package's docstrings, too.
"""

from contextlib import contextmanager

import brainstate
import pytest

from braintools_qps._registry import resolution


@pytest.fixture(autouse=True, scope="module")
def _restored_after_the_module():
    """What the fixtures of a module have set."""
    with restored():
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
