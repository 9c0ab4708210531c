"""The one way in which tests compare numbers, and what several rooms of tests share."""

import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps.__main__ import main

ROOT = Path(__file__).parents[1]
# Two units in the last place of half precision, a few of the others.
TOLERANCES = {"float64": 1e-13, "float32": 2e-6, "bfloat16": 2**-7, "float16": 2**-10}
thorough = partial(pytest.param, marks=pytest.mark.thorough)
# For each layer with brainstate's usual weights, which are cut off, a check is compiled.
linear = partial(brainstate.nn.Linear, w_init=braintools.init.KaimingNormal())
FLOAT16 = pytest.param("float16", marks=pytest.mark.float16, id="float16")
# By how much a device's division, exp and log may be worse than a CPU's.
SLACK = {"cpu": 1, "gpu": 4, "tpu": 64}[jax.default_backend()]


def assert_close(actual, expected, *, rtol=None, atol=0.0):
    """Equal within the tolerance of ``actual``'s dtype and device; units and NaNs must agree."""
    assert u.get_unit(actual) == u.get_unit(expected)
    actual, expected = u.get_mantissa(actual), u.get_mantissa(expected)
    if rtol is None:
        rtol = TOLERANCES[jnp.asarray(actual).dtype.name]
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    np.testing.assert_allclose(actual, expected, rtol=rtol * SLACK, atol=atol * SLACK)


def assert_agree(actual, expected):
    """The leaves of gradients: not all 0, in one unit, equal relative to the largest number."""
    for ours, theirs in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        scale = float(jnp.abs(theirs).max())
        assert 0 < scale < np.inf
        assert_close(ours, theirs, rtol=0, atol=1e-6 * scale)


def values_of(model):
    """The values of all states of a model, by their paths."""
    return {path: state.value for path, state in brainstate.graph.states(model).items()}


@contextmanager
def untouched(model):
    """The context of something after which a model has the very same states."""
    before = values_of(model)
    yield
    after = values_of(model)
    assert before.keys() == after.keys()
    assert all(value is before[path] for path, value in after.items())


def message_of(use):
    """The message of the error that a mistake raises, and its notes, in one line."""
    try:
        use()
    except Exception as error:
        parts = str(error), *getattr(error, "__notes__", ())
        return " ".join(" ".join(parts).split())
    return pytest.fail("no error was raised")


def verdicts_in(report):
    """What a report says of whether the network learns, each once."""
    said = " ".join(str(report).replace("# ", "").split())
    return list(
        dict.fromkeys(re.findall(r"[Ii]t (has learned|learns slowly|learns|does not)", said))
    )


def thorough_but(often, names):
    """The names as parameters of a test; those that are not ``often`` are thorough."""
    return [name if name in often else thorough(name) for name in names]


def line(axes, label):
    """What is drawn under a label: its x and its y."""
    (drawn,) = (line for line in axes.get_lines() if line.get_label() == label)
    return drawn.get_data()


def status(*arguments):
    """The status with which the command line ends, by argparse or by itself."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code
