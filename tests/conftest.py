"""Lets every test say ``from helpers import assert_close``, and compiles each program once."""

import os
import sys
from pathlib import Path

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    compile_once(config)
    config.pluginmanager.register(ForgetfulModules())


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


class ForgetfulModules:
    """Frees what a module has compiled once its tests are over; by the end it would be gigabytes.

    A plugin, so that it reaches the examples in the package's docstrings, too.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item, nextitem):
        if nextitem is None or nextitem.path != item.path:
            jax.clear_caches()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, so that what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
