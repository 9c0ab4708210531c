"""Lets every test say ``from helpers import assert_close``, and compiles each program once."""

import os
import sys
from pathlib import Path

import jax
import pytest

TESTS_TO_REMEMBER = 20

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    os.environ.pop("COLUMNS", None)  # xdist sets it; what is printed would be wrapped
    compile_once(config)
    config.pluginmanager.register(Forgetful())


def compile_once(config):
    """Keep compiled programs on disk, for all processes of this session and for the next one."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") or not hasattr(config, "cache"):
        return
    directory = str(config.cache.mkdir("jax"))
    options = {
        "jax_compilation_cache_dir": directory,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in options.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)  # for the processes that tests start


class Forgetful:
    """Frees compiled programs after every few tests; by the end they would be gigabytes.

    A plugin, so that it reaches the examples in the package's docstrings, too.
    """

    def __init__(self):
        self.tests = 0

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item):
        self.tests += 1
        if self.tests % TESTS_TO_REMEMBER == 0:
            jax.clear_caches()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, so that what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
