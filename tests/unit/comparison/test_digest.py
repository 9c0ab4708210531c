"""Digests of values and modules: pairs of different experiments, and of equal ones.

What a digest does not see must be found by the trial of kept runs: see
``tests/integration/comparison/test_kept_runs.py``, which has the other pairs.
"""

import importlib
import itertools
import os
import subprocess
import sys
from functools import partial
from types import ModuleType

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from braintools_qps._comparison.digest import digest, modules

numbers = itertools.count()
names = (f"nets_{os.getpid()}_{number}" for number in numbers)


def keys(text, folder, name):
    """Digests of ``f`` and of the module that has this text, as in a process that imports it."""
    (folder / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        found = digest(module.f), modules()[name]
        del sys.modules[name]
    return found


@pytest.fixture
def place(tmp_path):
    """Folders, each for one version of a module of the same name."""

    def version():
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return folder

    return version


CLASS = "class Net:\n  {}\n  def __init__(self, n):\n    self.n = n + {}\n"
SLOTS = "class Box:\n  __slots__ = ('n',)\n  def __init__(self, n): self.n = n\nB = Box({})\n"
CUSTOM = (
    "import jax\n@jax.custom_jvp\ndef g(x): return x\n"
    "@g.defjvp\ndef rule(primals, tangents): return primals[0], {} * tangents[0]\n"
)
JNP, NP = "import jax.numpy as jnp\n", "import numpy as np\n"
WRAP = (
    "from functools import wraps\ndef by(n):\n  def outer(g):\n    @wraps(g)\n"
    "    def inner(x): return g(x) + n\n    return inner\n  return outer\n"
)
DATA = "import dataclasses\n@dataclasses.dataclass\nclass A:\n  n: int{}\n"
DIFFERENT = [
    ("f = lambda x: x + {}", 4, 32),
    ("def f(x): return x.{}()", "sum", "mean"),
    ("def f(x, n={}): pass", 4, 32),
    ("def f(x, *, n={}): pass", 4, 32),
    ("N = {}\nf = lambda: N", 1, 1.0),
    ("N = {}\nf = lambda: N", 0.0, -0.0),
    ("N = {}\nf = lambda: N", "[1, 2]", "(1, 2)"),
    ("C = {{'a': {{1, {}}}}}\nf = lambda: C", 5, 6),
    ("def hold(s):\n  return lambda: s\nS = {{'n': 0}}\nf = hold(S)\nS['n'] = {}", 4, 32),
    ("def g(n):\n  return lambda x: x + n\nf = g({})", 4, 32),
    (WRAP + "@by({})\ndef f(x): pass", 1, 2),
    ("def h(x): return {}\nf = lambda x: h(x)", 4, 32),
    ("def g(x): return x + {}\nD = {{'g': g}}\ndel g\nf = lambda: D['g']", 1, 2),
    ("import optax\nf = optax.{}", "sgd", "adam"),
    ("import jax\n@jax.jit\ndef f(x): return x + {}", 4, 32),
    ("import brainstate\n@brainstate.transform.jit\ndef f(x): return x + {}", 4, 32),
    (CUSTOM + "f = lambda x: g(x)", 1, 2),
    (CLASS.format("", "{}") + "f = lambda: Net(3)", 1, 2),
    (CLASS.format("k = {}", 1) + "f = Net", 1, 2),
    (CLASS.format("", "{}") + "class Sub(Net): pass\nf = Sub", 1, 2),
    ("class A:\n  @property\n  def n(self): return {}\nf = A", 1, 2),
    ("class A:\n  @staticmethod\n  def n(): return {}\nf = A", 1, 2),
    ("class A:\n  def g(self, x): return x * {}\nf = A().g", 1, 2),
    (DATA.format(" = dataclasses.field(repr=False)") + "N = A({})\nf = lambda: N", 1, 2),
    (DATA.format(" = {}") + "f = lambda: A()", 1, 2),
    (SLOTS + "f = lambda: B", 1, 2),
    (NP + "W = np.full(3, {})\nf = lambda x: W * x", 1.0, 2.0),
    (NP + "W = np.zeros(3, '{}')\nf = lambda x: W * x", "f4", "i4"),
    (NP + "W = np.array([[1, {}], 'a'], object)\nf = lambda x: W", 1, 2),
    (NP + "W = np.ma.array([1.0, 2.0], mask=[{}, True])\nf = lambda x: W.sum()", True, False),
    (NP + "N = np.{}(1)\nf = lambda x: N * x", "float32", "float64"),
    (NP + "f = np.{}", "tanh", "exp"),
    (JNP + "W = jnp.array([1.0, {}])\nf = lambda x: W * x", 1.0, 2.0),
    (JNP + "W = {}\nf = lambda x: W * x", "jnp.asarray(1.0)", "jnp.float32(1.0) * jnp.ones(())"),
    ("import jax\nK = jax.random.key({})\nf = lambda: K", 0, 1),
    ("import brainunit as u\nQ = {} * u.mV\nf = lambda: Q", 1.0, 2.0),
    ("import brainunit as u\nQ = 1.0 * u.{}\nf = lambda: Q", "mV", "volt"),
    ("import brainstate as b\nS = b.ParamState({})\nf = lambda: S.value", 1.0, 2.0),
    ("import enum\nclass E(enum.IntEnum):\n  A = {}\nf = lambda: E.A", 1, 2),
    ("import functools\n@functools.lru_cache\ndef g(): return {}\nf = lambda: g()", 1, 2),
    ("def f(): return f.n\nf.n = {}", 1, 2),
    ("from functools import partial\ndef g(a, n): return n\nf = partial(g, n={})", 1, 2),
    ("from math import {0} as g\nf = lambda x: g(x)", "sin", "cos"),
    ("def f(x):\n  try: x()\n  except {}: pass", "KeyError", "ValueError"),
    ("class Text(str): pass\nT = Text('{}')\nf = lambda: T", "a", "b"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "before", "now"), DIFFERENT)
def test_different_modules_have_different_keys(text, before, now, place):
    name = next(names)
    once, again, other = (keys(text.format(n), place(), name) for n in (before, before, now))
    assert once == again != other


def test_a_module_counts_as_it_is_in_memory(place, monkeypatch):
    """It is edited while a notebook is open: what runs is what was imported."""
    folder, name = place(), next(names)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (folder / f"{name}.py").write_text("def f(): return 4\n")
    module = importlib.import_module(name)
    first = modules()[name]
    (folder / f"{name}.py").write_text("def f(): return 32\n")
    assert modules()[name] == first
    importlib.reload(module)
    assert (edited := modules()[name]) != first
    module.f.__code__ = eval("lambda: 5").__code__
    assert modules()[name] != edited


@pytest.fixture
def notebook(monkeypatch):
    """Runs a cell, and returns what the digests see of the notebook, once Dask was imported."""
    main, other = ModuleType("__main__"), ModuleType("__mp_main__")
    other.__file__ = "another.py"  # what ran when Dask was imported, such as IPython or pytest
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setitem(sys.modules, "__mp_main__", other)

    def run(text):
        exec(compile(text, "<cell>", "exec"), vars(main))
        return modules()["__main__"]

    return run


@pytest.mark.parametrize(
    ("text", "before", "now"),
    [
        ("def f(): return {}", 4, 32),
        ("class A:\n  def f(self): return {}", 4, 32),
        ("import jax\n@jax.jit\ndef f(x): return x + {}", 4, 32),
        ("import brainstate\n@brainstate.transform.jit\ndef f(x): return x + {}", 4, 32),
    ],
)
def test_of_a_notebook_functions_and_classes_count(text, before, now, notebook):
    once, other, again = (notebook(text.format(n)) for n in (before, now, before))
    assert once == again != other


EQUAL = [
    ("def f(x): return x", "# a comment\n\ndef f(x):\n    return x"),
    ("class A:\n  def f(self): pass\nf = A", "\n\n\nclass A:\n  def f(self): pass\nf = A"),
    ("def f():\n  class A: pass\n  return A", "\n\ndef f():\n  class A:\n    pass\n  return A"),
    ("S = {'a', 'b', 'c'}\nf = lambda: S", "S = {'c', 'a', 'b'}\nf = lambda: S"),
    ("A = B = (1, [2])\nf = lambda: A", "A, B = (1, [2]), (1, [2])\nf = lambda: A"),
    ("def f(): pass\ndef g(): pass", "def g(): pass\ndef f(): pass"),
]
HERE = "from pathlib import Path\nHERE = Path(__file__).parent\nf = lambda: HERE"
UNCHANGED = [
    (HERE, ""),
    ("import brainstate as b\n@b.transform.jit\ndef g(x): return x + 1\nf = g", "module.g(1.0)"),
    ("import jax\n@jax.jit\ndef g(x): return x + 1\nf = g", "module.g(1.0)"),
    ("import functools\n@functools.cache\ndef g(x): return x + 1\nf = g", "module.g(1.0)"),
    ("import logging\nL = logging.getLogger('a')\nf = lambda: L", "module.L.setLevel(10)"),
    ("import threading\nL = threading.Lock()\nf = lambda: L", "module.L.acquire()"),
    ("import numpy as np\nR = np.random.default_rng(0)\nf = lambda: R", "module.R.random()"),
    ("import itertools\nI = itertools.count()\nf = lambda: I", "next(module.I)"),
]


@pytest.mark.parametrize(("before", "now"), EQUAL)
def test_comments_lines_and_order_make_no_difference(before, now, place):
    name = next(names)
    assert keys(before, place(), name)[1] == keys(now, place(), name)[1]


@pytest.mark.parametrize(("text", "use"), UNCHANGED)
def test_where_a_module_lies_and_that_it_was_used_makes_no_difference(text, use, place):
    name = next(names)
    digests = []
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            folder = place()
            (folder / f"{name}.py").write_text(text)
            patch.syspath_prepend(str(folder))
            module = importlib.import_module(name)
            digests.append((digest(module.f), modules()[name]))
            exec(use)
            digests.append((digest(module.f), modules()[name]))
            del sys.modules[name]
    assert len({*digests}) == 1


@pytest.mark.parametrize(
    "cell",
    [
        "n = 2",  # a variable, called like an attribute
        "import optax",
        "results = [1, 2, 3]",
        "_ = f",  # what the last cell has returned
        "def f(x):\n    # a comment\n    return x.n",
    ],
)
def test_variables_of_a_notebook_make_no_difference(cell, notebook):
    assert notebook("n = 1\ndef f(x): return x.n") == notebook(cell)


def test_arguments_count_by_value():
    different = [
        1, 1.0, "a", (1, 2), [1, 2], {"a": 1}, np.ones(2), np.ones(2, np.float32), jnp.ones(2),
        1 * u.mV, 1 * u.volt, optax.sgd, brainstate.nn.Linear, np.float32(1), slice(1), None,
        brainstate.ParamState(jnp.zeros(2)), brainstate.ParamState(jnp.ones(2)),
    ]  # fmt: skip
    digests = [digest(partial(print, value)) for value in different]
    assert len({*digests}) == len(different)
    assert digest(partial(print, a=np.ones(2))) == digest(partial(print, a=np.ones(2)))


def test_no_installed_package_counts():
    assert not {"numpy", "jax", "brainstate", "os", "braintools_qps"} & {*modules()}
    assert __name__ in modules()


@pytest.mark.thorough
def test_it_is_the_same_in_every_process():
    text = (
        "from functools import partial\nimport comparison_models\n"
        "from braintools_qps._comparison.digest import digest, modules\n"
        "f = lambda x: x in {'a', 'b', 'c', 'd'} or comparison_models\n"
        "print(digest(partial(f, n={'k', 'l', 'm'})), sorted(modules().items()))"
    )
    run = lambda seed: subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout  # fmt: skip
    assert "comparison_models" in run("1")
    assert run("1") == run("2")
