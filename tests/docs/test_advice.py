"""The one advice of `_defaults.ADVICE` stands in the same words wherever somebody starts."""

from pathlib import Path

import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._defaults import ADVICE, SURROGATES

ROOT = Path(__file__).parents[2]
PLACES = {
    name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "docs/index.md", "docs/guides/choosing.md", "docs/guides/names.md")
} | {"QPseudoSpike": QPseudoSpike.__doc__}


@pytest.mark.parametrize("place", PLACES)
def test_the_advice_is_quoted(place):
    assert ADVICE in " ".join(PLACES[place].replace("`", "").split())


def test_compare_tries_what_is_advised():
    assert SURROGATES[-1] in ADVICE
