"""What tells two comparisons apart: the data, and what the functions are."""

import dataclasses
import os
import subprocess
import sys
from functools import partial

import jax
import numpy as np
import optax
import pytest

from braintools_qps import compare, load_task
from braintools_qps._comparison.fingerprint import changes, fingerprint
from braintools_qps._comparison.provenance import blank, digest, resumed
from braintools_qps._comparison.storage import Store
from braintools_qps._comparison.tasks import Samples, Task


def task(shape=(4, 8, 8), dtype=np.float32, classes=2, readout=8, scale=1.0, given_test=0):
    samples = Samples(np.zeros(shape, dtype), np.arange(4) % 2)
    return Task("mine", samples, classes, readout, scale, given_test)


def test_the_same_data_has_the_same_digest():
    assert digest(task()) == digest(dataclasses.replace(task(), name="yours", description="Mine"))


@pytest.mark.parametrize(
    "other",
    [
        {"shape": (4, 32, 2)}, {"dtype": np.int32}, {"classes": 3}, {"classes": None},
        {"readout": 1}, {"readout": "all"}, {"scale": 2.0}, {"given_test": 1},
    ],
)  # fmt: skip
def test_data_of_the_same_bytes_and_another_meaning_has_another_digest(other):
    assert digest(task(**other)) != digest(task())


def module(text, filename="<cell>"):
    """What a cell of a notebook defines."""
    scope = {"__name__": "__main__", "np": np, "optax": optax, "jax": jax}
    exec(compile(text, filename, "exec"), scope)
    return scope["f"]


NET = """
class Net:
    {}
    def __init__(self, n):
        self.n = n + {}
"""


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ("f = lambda x: x + 4", "f = lambda x: x + 32", "__main__:<lambda> has changed"),
        ("def f(x): return x.sum()", "def f(x): return x.mean()", "__main__:f has changed"),
        ("def f(x, n=4): pass", "def f(x, n=32): pass", "__main__:f default n was 4, now 32"),
        ("N = 4\nf = lambda: N", "N = 32\nf = lambda: N", "__main__:N was 4, now 32"),
        (
            "C = {'n': [4, 5]}\nf = lambda: C", "C = {'n': [4, 6]}\nf = lambda: C",
            "__main__:C['n'][1] was 5, now 6",
        ),
        (NET.format("", 1) + "f = lambda: Net(3)", NET.format("", 2) + "f = lambda: Net(3)",
         "the code of __main__:Net.__init__ has changed"),
        (NET.format("k = 1", 1) + "f = Net", NET.format("k = 2", 1) + "f = Net",
         "__main__:Net.k was 1, now 2"),
        ("def g(n):\n  return lambda x: x + n\nf = g(4)",
         "def g(n):\n  return lambda x: x + n\nf = g(32)",
         "__main__:g.<locals>.<lambda> with n was 4, now 32"),
        ("W = np.ones(3)\nf = lambda x: W * x", "W = np.zeros(3)\nf = lambda x: W * x",
         "__main__:W was"),
        ("f = optax.sgd", "f = optax.adam", "is new"),
        ("f = jax.jit(lambda x: x + 4)", "f = jax.jit(lambda x: x + 32)", "has changed"),
        ("def h(x): return 4\nf = lambda x: h(x)", "def h(x): return 32\nf = lambda x: h(x)",
         "the code of __main__:h has changed"),
    ],
)  # fmt: skip
def test_what_a_function_does_is_told_apart(before, now, what):
    assert what in " ".join(changes(fingerprint(module(before)), fingerprint(module(now))))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("def f(x): return x", "# a comment\n\ndef f(x):\n    'Documented.'\n    return x"),
        (NET.format("", 1) + "f = Net", "\n\n\n" + NET.format("", 1) + "f = Net"),
        ("def f():\n  class A:\n    pass\n  return A",
         "\n\ndef f():\n  class A:\n    pass\n  return A"),
        ("U = 1\ndef f(x): return x", "U = 2\ndef f(x): return x"),
    ],
)  # fmt: skip
def test_comments_lines_and_what_is_not_used_make_no_difference(before, now):
    found = [fingerprint(module(text, f"<cell {n}>")) for n, text in enumerate((before, now))]
    assert changes(*found) == []


def test_arguments_of_a_partial_are_told_apart():
    one, other = (fingerprint(partial(task, scale=scale)) for scale in (1.0, 2.0))
    assert changes(one, other) == [f"{__name__}:task argument scale was 1.0, now 2.0"]


def test_code_of_another_python_is_not_compared():
    now = fingerprint(module("def f(x, n=4): return x"))
    before = {name: text.replace("Python 3.", "Python 2.") for name, text in now.items()}
    assert before != now
    assert changes(before, now) == []


@pytest.mark.thorough
def test_a_fingerprint_is_the_same_in_every_process():
    text = (
        "from functools import partial\nimport json\nfrom comparison_models import two_kinds\n"
        "from braintools_qps._comparison.fingerprint import fingerprint\n"
        "f = lambda x: x in {'a', 'b', 'c', 'd'} or two_kinds\n"
        "print(json.dumps(fingerprint(partial(f, n={'k', 'l', 'm'}))))"
    )
    run = lambda seed: subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout  # fmt: skip
    first = run("1")
    assert "two_kinds" in first
    assert "0x" not in first
    assert first == run("2")


X, Y = np.random.default_rng(0).standard_normal((40, 3, 2)), np.arange(40) % 2
QUICK = {"task": (X, Y), "tune": None, "epochs": 1, "seeds": 1, "progress": False}
NETWORK = """
import comparison_models as models
f = lambda features, classes: models.plain(features, classes, {})
"""


LOSS = "f = lambda outputs, y: ({} * outputs.mean())"


def test_edited_functions_and_another_readout_are_not_mixed_with_what_was_before(tmp_path):
    made = {"model": module(NETWORK.format(4)), "loss": module(LOSS.format(1))}
    compare(["Sigmoid"], out=tmp_path, **QUICK | made)
    made["model"] = module(NETWORK.format(4))  # a cell that is run again
    resume = {"out": tmp_path, "resume": True} | QUICK | made
    assert len(compare(["Sigmoid"], **resume).results) == 1
    last = load_task((X, Y), readout="last")
    for change, told in (
        ({"model": module(NETWORK.format(32))}, "settings: in the model, the code of __main__"),
        ({"loss": module(LOSS.format(2))}, "settings: in the loss, the code of __main__"),
        ({"task": last}, "task: readout 3, now last"),
    ):
        with pytest.raises(ValueError, match=f"different {told}"):
            compare(["S2NN"], **resume | change)


def test_that_there_is_nothing_to_resume_is_told(tmp_path):
    asked = blank([], load_task((X, Y)), {}, (0,))
    with pytest.warns(UserWarning, match="Found nothing to resume in .*, so everything is trained"):
        assert resumed(asked, Store(tmp_path)) == asked
