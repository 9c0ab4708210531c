"""What check_surrogate finds in braintools' own surrogates, pinned per surrogate and version.

The table is what docs/guides/publish.md says of them. A change of braintools that fixes or breaks
one fails here, so that the page is corrected.
"""

from importlib.metadata import version

import pytest
from helpers import names_that_build

from braintools_qps.testing import find_failures

pytestmark = pytest.mark.thorough  # only a release of braintools breaks it

BRAINTOOLS = version("braintools").rpartition(".")[0]

HALF_PRECISION = {
    ("dtypes", "gradient in float16", "float32"),
    ("dtypes", "gradient in bfloat16", "float32"),
}
NEGATIVE = {("positive", "a gradient above -10% of its peak", "-0.92")}
NAMES = [
    pytest.param(name, marks=pytest.mark.float16) if "LeakyRelu" in name else name
    for name in names_that_build()
]
KNOWN = {
    "LeakyRelu": HALF_PRECISION,
    "PiecewiseLeakyRelu": HALF_PRECISION,
    "SquarewaveFourierSeries": NEGATIVE,
}
FAILURES = {"0.3": KNOWN, "0.4": KNOWN}


def rounded(got):
    """A measured number to two digits, for other machines; other texts as they are."""
    try:
        return f"{float(got):.2f}"
    except ValueError:
        return got


@pytest.mark.skipif(BRAINTOOLS not in FAILURES, reason=f"no table for braintools {BRAINTOOLS}")
@pytest.mark.parametrize("name", NAMES)
def test_failures_of_each_surrogate(name):
    failures = {(f.check, f.expected, rounded(f.got)) for f in find_failures(name)}
    assert failures == FAILURES[BRAINTOOLS].get(name, set())
