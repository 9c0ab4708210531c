"""What check_surrogate finds in braintools' own surrogates, pinned per surrogate and version.

The table is what docs/guides/publish.md says of them. A change of braintools that fixes or breaks
one fails here, so that the page is corrected.
"""

from importlib.metadata import version

import pytest
from helpers import failures_of, names_that_build

pytestmark = pytest.mark.thorough  # only a release of braintools breaks it

BRAINTOOLS = version("braintools").rpartition(".")[0]

HALF_PRECISION = {"dtype of gradient": "got float32, float32, float32"}
NEGATIVE = {"negative by at most 10% of its peak": "expected -0.09999"}
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


@pytest.mark.skipif(BRAINTOOLS not in FAILURES, reason=f"no table for braintools {BRAINTOOLS}")
@pytest.mark.parametrize("name", NAMES)
def test_failures_of_each_surrogate(name):
    failures, expected = failures_of(name), FAILURES[BRAINTOOLS].get(name, {})
    assert failures.keys() == expected.keys()
    assert all(said in failures[check] for check, said in expected.items())
