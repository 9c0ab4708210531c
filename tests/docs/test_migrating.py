"""Every line of docs/guides/migrating.md gives the gradient of the library it comes from.

Formulas of libraries that are not installed here are written from the code of SpikingJelly 2.0.0,
snnTorch 1.0.0 and Norse 1.1.0, whose gradients were compared with them; from section 3.3.2 of
Zenke & Ganguli 2018, which Norse cites for SuperSpike; and from the spike functions in the
repository of Herranz-Celotti & Rouat (arXiv:2202.00282).
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


def arctangent(slope):
    return slope / (2 * (1 + (np.pi / 2 * slope * SIZE) ** 2))


def logistic(slope):
    fired = 1 / (1 + np.exp(-slope * X.astype(np.float64)))
    return slope * fired * (1 - fired)


DOCUMENTED = {
    ("SpikingJelly", "QPseudoSpike(alpha=a)"): (1 + 2 * SIZE / (a - 1)) ** -a,
    ("SpikingJelly", "SoftSign(alpha=a)"): 1 / (2 * a * (1 / a + SIZE) ** 2),
    ("SpikingJelly", "NonzeroSignLogAbs(alpha=a)"): 1 / (1 / a + SIZE),
    ("SpikingJelly", "PiecewiseExp(alpha=a)"): a / 2 * np.exp(-a * SIZE),
    ("SpikingJelly", "Sigmoid(alpha=a)"): logistic(a),
    ("SpikingJelly", "ATan(alpha=a)"): arctangent(a),
    ("snnTorch", "atan(alpha=a)"): arctangent(a),
    ("snnTorch", "fast_sigmoid(slope=k)"): fast_sigmoid(k),
    ("snnTorch", "sigmoid(slope=k)"): logistic(k),
    ("snnTorch", "straight_through_estimator()"): np.ones_like(SIZE),
    ("Norse", 'method="super"'): fast_sigmoid(1.0),
    ("Norse", 'method="super", alpha=a'): fast_sigmoid(a),
    ("The paper and its code", "ntailpseudod"): d / (1 + k * SIZE / ((q - 1) / 2)) ** q,
    ("The paper and its code", "fastsigmoidpseudod"): d / (1 + 2 * k * SIZE) ** 2,
    ("The paper and its code", "exponentialpseudod"): d * np.exp(-2 * k * SIZE),
}


def lines_of_the_page():
    """(library, its surrogate, ours) for every row of the tables."""
    for section in PAGE.read_text().split("\n## ")[1:]:
        library = section.partition("\n")[0]
        for theirs, ours in re.findall(r"^\| `([^`]+)`[^|]* \| .* \| `([^`]+)` \|$", section, re.M):
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


def test_defaults_of_braintools():
    [section] = [s for s in PAGE.read_text().split("\n## ") if s.startswith("braintools\n")]
    stated = dict(re.findall(r"^\| `(\w+)\(alpha=a\)` \| (\d+) \|", section, re.M))
    assert len(stated) == 6
    for name, default in stated.items():
        assert getattr(braintools.surrogate, name)().alpha == float(default)


DISTANCE = 15.0
PLAIN_AND_WITH_DISTANCE = [
    (
        QPseudoSpike(0.5, scale=2.0, dampening=0.4),
        QPseudoSpike(0.5, scale=2.0 / DISTANCE, dampening=0.4),
    ),
    (QPseudoSpike(2.0), QPseudoSpike(2.0, scale=1 / DISTANCE)),
    (QPseudoSpike.from_q(1.7), QPseudoSpike.from_q(1.7, scale=1 / DISTANCE)),
    (get_surrogate("Sigmoid", alpha=4.0), get_surrogate("Sigmoid", alpha=4.0 * DISTANCE)),
    (get_surrogate("Arctan", alpha=2.0), get_surrogate("Arctan", alpha=2.0 * DISTANCE)),
]


@pytest.mark.parametrize(("plain", "with_distance"), PLAIN_AND_WITH_DISTANCE)
def test_distance_from_reset_to_threshold(plain, with_distance):
    """The rules for libraries that pass V - V_th where brainpy.state divides by D."""
    by_voltage = with_distance.surrogate_grad(X / DISTANCE) / DISTANCE
    # The absolute part is for braintools' logistic, which cancels in float32.
    assert_close(by_voltage, plain.surrogate_grad(X), rtol=1e-5, atol=1e-6)
