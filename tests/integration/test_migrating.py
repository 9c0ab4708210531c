"""Every line of docs/guides/migrating.md gives the gradient of the library it comes from.

Formulas of libraries that are not installed here are written from their documentation:
SpikingJelly's and snnTorch's API pages of their surrogate modules, Norse's page of
``norse.torch.functional.threshold`` (SuperSpike, section 3.3.2 of Zenke & Ganguli 2018), and the
spike functions in the repository of Herranz-Celotti & Rouat (arXiv:2202.00282).
"""

import re
from pathlib import Path

import braintools.surrogate
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike, get_surrogate

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "migrating.md"
X = np.linspace(-3, 3, 13, dtype=np.float32)
SIZE = np.abs(X.astype(np.float64))
PARAMETERS = {"a": 2.5, "k": 4.0, "d": 0.3, "q": 1.7}
a, k, d, q = PARAMETERS.values()


def of_braintools(call):
    """The derivative that the installed library computes."""
    return eval(call, vars(braintools.surrogate) | PARAMETERS).surrogate_grad(X)


def fast_sigmoid(slope):
    return (1 + slope * SIZE) ** -2


def logistic(slope):
    fired = 1 / (1 + np.exp(-slope * X.astype(np.float64)))
    return slope * fired * (1 - fired)


DOCUMENTED = {
    ("SpikingJelly", "QPseudoSpike(alpha=a)"): (1 + 2 * SIZE / (a - 1)) ** -a,
    ("SpikingJelly", "SoftSign(alpha=a)"): 1 / (2 * a * (1 / a + SIZE) ** 2),
    ("SpikingJelly", "NonzeroSignLogAbs(alpha=a)"): 1 / (1 / a + SIZE),
    ("SpikingJelly", "PiecewiseExp(alpha=a)"): a / 2 * np.exp(-a * SIZE),
    ("SpikingJelly", "Sigmoid(alpha=a)"): logistic(a),
    ("SpikingJelly", "ATan(alpha=a)"): a / (2 * (1 + (np.pi / 2 * a * SIZE) ** 2)),
    ("snnTorch", "fast_sigmoid(slope=k)"): fast_sigmoid(k),
    ("snnTorch", "sigmoid(slope=k)"): logistic(k),
    ("snnTorch", "straight_through_estimator()"): np.ones_like(SIZE),
    ("Norse", 'method="super", alpha=a'): fast_sigmoid(a),
    ("The paper and its code", "ntailpseudod"): d / (1 + k * SIZE / ((q - 1) / 2)) ** q,
    ("The paper and its code", "fastsigmoidpseudod"): d / (1 + 2 * k * SIZE) ** 2,
    ("The paper and its code", "exponentialpseudod"): d * np.exp(-2 * k * SIZE),
}


def lines_of_the_page():
    """(library, its surrogate, ours) for every row of the tables."""
    for section in PAGE.read_text().split("\n## ")[1:]:
        library = section.partition("\n")[0]
        for theirs, ours in re.findall(r"^\| `([^`]+)` \| .* \| `([^`]+)` \|$", section, re.M):
            yield library, theirs, ours


LINES = list(lines_of_the_page())


@pytest.mark.parametrize(("library", "theirs", "ours"), LINES, ids=[" ".join(v) for v in LINES])
def test_line_gives_the_same_gradient(library, theirs, ours):
    names = {"QPseudoSpike": QPseudoSpike, "get_surrogate": get_surrogate, "inf": float("inf")}
    actual = eval(ours, names | PARAMETERS).surrogate_grad(X)
    expected = of_braintools(theirs) if library == "braintools" else DOCUMENTED[library, theirs]
    # The absolute part is for braintools' logistic, which cancels in float32.
    assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_no_table_was_missed():
    assert len(LINES) == len(DOCUMENTED) + 6


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_scale_divided_by_the_distance_from_reset(alpha):
    """The rule for libraries that pass V - V_th where brainpy.state divides by D."""
    distance, scale = 15.0, 2.0
    by_voltage = QPseudoSpike(alpha=alpha, scale=scale, dampening=0.4).surrogate_grad(X)
    rescaled = QPseudoSpike(alpha=alpha, scale=scale / distance, dampening=0.4)
    assert_close(rescaled.surrogate_grad(X / distance) / distance, by_voltage, rtol=1e-5)
