"""The identity of code: new whenever something that results depend on has changed.

A digest that stays the same by mistake would pass off old results as those of the new code, so the
first table holds what other ways to hash a function do not notice.
"""

import os
import subprocess
import sys
from functools import partial

import brainstate
import jax
import numpy as np
import optax
import pytest

from braintools_qps._comparison.identity import identity


def cell(text, filename="<cell>"):
    """What a cell of a notebook defines as ``f``."""
    scope = {"__name__": "__main__", "np": np, "optax": optax, "jax": jax, "bs": brainstate}
    exec(compile(text, filename, "exec"), scope)
    return scope["f"]


CLASS = "class Net:\n  {}\n  def __init__(self, n):\n    self.n = n + {}\n"
SLOTS = "class Box:\n  __slots__ = ('n',)\n  def __init__(self, n): self.n = n\nB = Box({})\n"
CUSTOM = (
    "@jax.custom_jvp\ndef g(x): return x\n"
    "@g.defjvp\ndef rule(primals, tangents): return primals[0], {} * tangents[0]\n"
)
PANDAS = "import pandas\nT = pandas.DataFrame({{'a': [1, {}]}})\n"


@pytest.mark.parametrize(
    ("text", "before", "now"),
    [
        ("f = lambda x: x + {}", 4, 32),
        ("def f(x): return x.{}()", "sum", "mean"),
        ("def f(x, n={}): pass", 4, 32),
        ("def f(x, *, n={}): pass", 4, 32),
        ("N = {}\nf = lambda: N", 4, 32),
        ("N = {}\nf = lambda: N", 1, 1.0),
        ("N = {}\nf = lambda: N", 0.1, 0.1 + 1e-17 + 1e-16),
        ("C = {{'n': [4, {}]}}\nf = lambda: C", 5, 6),
        ("def h(x): return {}\nf = lambda x: h(x)", 4, 32),
        ("def h(x): return {}\ndef g(x): return h(x)\nf = lambda x: [g(y) for y in x]", 4, 32),
        ("def g(n):\n  return lambda x: x + n\nf = g({})", 4, 32),
        ("f = optax.{}", "sgd", "adam"),
        ("f = jax.jit(lambda x: x + {})", 4, 32),
        ("f = jax.jit(lambda x, n: x, static_argnums={})", 0, 1),
        (CUSTOM + "f = lambda x: g(x)", 1, 2),
        (CLASS.format("", "{}") + "f = lambda: Net(3)", 1, 2),
        (CLASS.format("k = {}", 1) + "f = Net", 1, 2),
        (CLASS.format("", "{}") + "class Sub(Net): pass\nf = Sub", 1, 2),
        ("class A:\n  @property\n  def n(self): return {}\nf = A", 1, 2),
        ("class A:\n  def __call__(self, x): return x * {}\nf = A()", 1, 2),
        ("class A:\n  def g(self, x): return x * {}\nf = A().g", 1, 2),
        (SLOTS + "f = lambda: B", 1, 2),
        (PANDAS + "f = lambda: T", 2, 3),
        ("L = [np.ones(2) for _ in range(150)]\nL[149][1] = {}\nf = lambda: L", 1, 2),
        ("W = np.full(3, {})\nf = lambda x: W * x", 1.0, 2.0),
        ("W = np.zeros(3, '{}')\nf = lambda x: W * x", "f4", "i4"),
        ("W = np.array([[1, {}], 'a'], object)\nf = lambda x: W", 1, 2),
        ("W = jax.numpy.array([1.0, {}])\nf = lambda x: W * x", 1.0, 2.0),
        ("K = jax.random.key({})\nf = lambda: K", 0, 1),
        ("S = bs.ParamState(np.full(2, {}))\nf = lambda: S.value", 1.0, 2.0),
        ("import enum\nclass E(enum.IntEnum):\n  A = {}\nf = lambda: E.A", 1, 2),
        ("import functools\n@functools.lru_cache\ndef g(): return {}\nf = lambda: g()", 1, 2),
        ("def f(): return f.n\nf.n = {}", 1, 2),
        ("from functools import partial\ndef g(a, n): return n\nf = partial(g, n={})", 1, 2),
        ("try:\n  f = lambda x: x\nexcept {}: pass\ndef f(x):\n  try: x()\n  except {}: pass",
         "KeyError", "ValueError"),
    ],
)  # fmt: skip
def test_a_change_of_code_or_value_is_noticed(text, before, now):
    if "pandas" in text:
        pytest.importorskip("pandas")
    fill = lambda value: text.format(*[value] * text.count("{}"))
    once, again, other = (identity(cell(fill(value))) for value in (before, before, now))
    assert once == again != other


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("def f(x): return x", "# a comment\n\ndef f(x):\n    return x"),
        (CLASS.format("", 1) + "f = Net", "\n\n\n" + CLASS.format("", 1) + "f = Net"),
        ("def f():\n  class A:\n    pass\n  return A",
         "\n\ndef f():\n  class A:\n    pass\n  return A"),
        ("U = 1\ndef f(x): return x", "U = 2\ndef f(x): return x"),
    ],
)  # fmt: skip
def test_comments_lines_and_what_is_not_used_make_no_difference(before, now):
    assert identity(cell(before, "<cell 1>")) == identity(cell(now, "<cell 2>"))


MAIN = "from {package}.middle import build\nf = lambda: build()\n"
WHEN_CALLED = "def f():\n    from {package} import leaf\n    return leaf.value()\n"
ABOVE = {
    "direct": "from .leaf import value\ndef build(): return value()\n",
    "as a module": "from . import leaf\ndef build(): return leaf.value()\n",
    "when called": "def build():\n    from .leaf import value\n    return value()\n",
    "module when called": "def build():\n    from . import leaf\n    return leaf.value()\n",
    "by its name": "from . import leaf\ndef build(): return getattr(leaf, 'val' + 'ue')()\n",
}
numbers = iter(range(1000))


@pytest.mark.parametrize("namespace", [False, True], ids=["package", "namespace"])
@pytest.mark.parametrize(
    ("main", "middle"),
    [*((MAIN, middle) for middle in ABOVE.values()), (WHEN_CALLED, "")],
    ids=[*ABOVE, "by the script when called"],
)
def test_a_change_in_another_module_of_the_user_is_noticed(
    main, middle, namespace, tmp_path, monkeypatch
):
    package = f"helpers_{os.getpid()}_{next(numbers)}"

    def identity_with(value):
        """As in a process of its own, whose package is in a folder of its own."""
        folder = tmp_path / str(next(numbers)) / package
        folder.mkdir(parents=True)
        files = {"middle": middle, "leaf": f"def value(): return {value}\n"}
        for name, text in (files if namespace else files | {"__init__": ""}).items():
            (folder / f"{name}.py").write_text(text)
        for name in [name for name in sys.modules if name.startswith(package)]:
            del sys.modules[name]
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder.parent))
            return identity(cell(main.format(package=package)))

    once, again, other = map(identity_with, (1, 1, 2))
    assert once == again != other


def test_no_installed_package_is_imported():
    assert "turtle" not in sys.modules  # of Python, but not of pytest
    for other in ("turtle", "pip"):
        identity(cell(f"def f():\n    import {other}\n    return {other}"))
        assert other not in sys.modules


def test_what_cannot_be_taken_apart_equals_nothing(tmp_path):
    with open(tmp_path / "file", "w") as file:
        function = partial(print, file=file)
        assert identity(function) != identity(function)


@pytest.mark.thorough
def test_it_is_the_same_in_every_process():
    text = (
        "from functools import partial\nfrom comparison_models import TwoKinds\n"
        "from braintools_qps._comparison.identity import identity\n"
        "f = lambda x: x in {'a', 'b', 'c', 'd'} or TwoKinds\n"
        "print(identity(partial(f, n={'k', 'l', 'm'})))"
    )
    run = lambda seed: subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout  # fmt: skip
    assert len(run("1")) > 30
    assert run("1") == run("2")
