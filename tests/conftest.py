"""Lets every test say ``from helpers import assert_close``, and compiles as little as need be."""

import ctypes
import gc
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

HERE = Path(__file__).parent
TESTS_TO_REMEMBER = 40

# What is tested here are the numbers, the text and the memory of programs as users compile them.
# Elsewhere XLA is asked for little optimization, which halves the time that it takes.
OPTIMIZED = [
    HERE / name
    for name in (
        "docs/test_readme.py", "integration/memory", "unit/surrogate/test_values.py",
        "unit/surrogate/test_programs.py",
    )
]  # fmt: skip

# benchmarks/ is in the last folder, so that an installed package wins.
sys.path[:] = [str(HERE), *sys.path, str(HERE.parent)]


def pytest_configure(config):
    os.environ.pop("COLUMNS", None)  # xdist sets it; what is printed would be wrapped
    # A shell's background jobs ignore Ctrl-C, which some tests press, and so do their processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    compile_once(config)
    gc.set_threshold(20_000)  # else it takes 5 to 8% of the time: JAX keeps what it traces
    if "JAX_DISABLE_MOST_OPTIMIZATIONS" not in os.environ:
        config.pluginmanager.register(Quick())
    config.pluginmanager.register(Forgetful())
    config.pluginmanager.import_plugin("independent")


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


class Quick:
    """Compiles for the CPU without most optimizations, except where these are what is tested.

    With ``JAX_DISABLE_MOST_OPTIMIZATIONS=0`` all programs are as users have them.
    """

    def __init__(self):
        self.quick = None
        if "0.10" <= jax.__version__ < "0.11":
            compiler = jax._src.compiler  # private: no other release is touched
            self.usual, compiler.get_compile_options = compiler.get_compile_options, self.options

    def options(self, *args, **kwargs):
        """XLA of JAX 0.10 compiles twice as fast with its older emitters; JAX has no way to ask.

        By default it cuts programs into 32 parts, for many cores. That takes half as much again.
        """
        options = self.usual(*args, **kwargs)
        if self.quick:
            options.env_option_overrides += [
                ("xla_cpu_use_fusion_emitters", False), ("xla_cpu_parallel_codegen_split_count", 1),
            ]  # fmt: skip
        return options

    def pytest_collectstart(self):
        self.switch(quick=jax.default_backend() == "cpu")  # for what files compute when imported

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        is_optimized = any(item.path.is_relative_to(path) for path in OPTIMIZED)
        self.switch(quick=jax.default_backend() == "cpu" and not is_optimized)

    def switch(self, *, quick):
        if quick != self.quick:
            jax.config.update("jax_disable_most_optimizations", quick)
            os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(quick))  # for other processes
            jax.clear_caches()
        self.quick = quick


class Forgetful:
    """Frees compiled programs after every few files; by the end they would be gigabytes.

    A plugin, so that it reaches the examples in the package's docstrings, too.
    """

    def __init__(self):
        self.tests = 0

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item, nextitem):
        self.tests += 1
        within_a_file = nextitem is not None and nextitem.path == item.path
        if self.tests >= TESTS_TO_REMEMBER and not within_a_file:
            self.tests = 0
            jax.clear_caches()
            with suppress(OSError, AttributeError):  # glibc keeps for itself what was freed
                ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Examples that train what the example of `compare` trains, for a figure, are thorough."""
    for item in items:
        parts = item.dtest.examples if hasattr(item, "dtest") else ()
        trains = any(part.source.startswith("comparison = compare(") for part in parts)
        if trains and not item.name.endswith(".compare"):
            item.add_marker(pytest.mark.thorough)


def pytest_runtest_setup(item):
    if item.get_closest_marker("float16") and (error := error_of_float16()):
        pytest.skip(f"JAX cannot compile float16 for this processor: {error}")


@cache
def error_of_float16():
    """What JAX says of half precision alone, without anything of ours; None where it compiles."""
    try:
        jax.jit(lambda x: 2 * x)(np.ones(3, np.float16))
    except jax.errors.JaxRuntimeError as error:
        return str(error).splitlines()[0]


@pytest.fixture
def one_millisecond():
    """The time step of brainstate's neurons."""
    with brainstate.environ.context(dt=1.0 * u.ms):
        yield


@pytest.fixture
def double_precision(one_millisecond):
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one process, so that what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # else those that train, few to a file, would come last
    return LoadFileScheduling(config, log)
