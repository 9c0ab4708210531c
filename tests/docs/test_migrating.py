"""Tables of docs/guides/migrating.md: names, defaults and what each is the same as.

The formulas of the libraries are in tests/unit/registry/test_libraries.py. Those of the paper are
from the spike functions in the repository of Herranz-Celotti & Rouat (arXiv:2202.00282).
"""

import re

import braintools.surrogate
import numpy as np
import pytest
from helpers import ROOT, assert_close
from scipy.special import expit

from braintools_qps import Scaled, get_surrogate
from braintools_qps._registry.libraries import OTHERS, SURROGATES

PAGE = (ROOT / "docs" / "guides" / "migrating.md").read_text()
X = np.linspace(-3, 3, 13, dtype=np.float32)
SIZE = np.abs(X.astype(np.float64))
a = k = t = 2.5
d, q = 0.3, 1.7
NAMES = {
    "QPseudoSpike": lambda **parameters: get_surrogate("QPseudoSpike", **parameters),
    "Scaled": lambda inner, **parameters: Scaled(get_surrogate(inner), **parameters),
    "inf": float("inf"), "a": a, "k": k, "t": t, "d": d, "q": q,
}  # fmt: skip
# The absolute part is for braintools' logistic, which cancels in float32.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}

ROWS = re.findall(r"^\| `([\w.]+)(?:\((\w+)=([\d.]+)\))?` \| .* \| `([^`]+)` \|$", PAGE, re.M)
PAPER = {
    "ntailpseudod": d / (1 + k * SIZE / ((q - 1) / 2)) ** q,
    "fastsigmoidpseudod": d / (1 + 2 * k * SIZE) ** 2,
    "exponentialpseudod": d * np.exp(-2 * k * SIZE),
    "triangularpseudod": d * np.maximum(1 - SIZE * k, 0),
    "rectangularpseudod": d * (2 * k * SIZE < 1),
    "gaussianpseudod": d * np.exp(-np.pi * (SIZE * k) ** 2),
    "sigmoidalpseudod": 4 * d * expit(4 * k * X) * (1 - expit(4 * k * X)),
}


def here(source):
    return eval(source, {**vars(braintools.surrogate), **NAMES})


@pytest.mark.parametrize(("name", "parameter", "default", "same"), ROWS)
def test_a_row_says_what_the_name_is_the_same_as(name, parameter, default, same):
    name = name if "." in name else f"braintools.{name}"
    # norse.superspike without alpha is what version 1.1 computes; with it, the slope.
    if default and name != "norse.superspike":
        stated = get_surrogate(name, **{parameter: float(default)})
        np.testing.assert_array_equal(
            get_surrogate(name).surrogate_grad(X), stated.surrogate_grad(X)
        )
    theirs = get_surrogate(name, **({parameter: a} if parameter else {}))
    assert_close(theirs.surrogate_grad(X), here(same).surrogate_grad(X), **CLOSE)


@pytest.mark.parametrize("name", PAPER)
def test_a_shape_of_the_paper(name):
    [source] = re.findall(rf"`{name}` \| .* \| `([^`]+)` \|$", PAGE, re.M)
    assert_close(here(source).surrogate_grad(X), PAPER[name], **CLOSE)


def test_no_row_was_missed_and_no_name_is_not_on_the_page():
    assert len(ROWS) >= 22
    for path in (*OTHERS, *(row.path for row in SURROGATES)):
        assert re.search(rf"`{path}\b|`{path.partition('.')[2]}`", PAGE), path
