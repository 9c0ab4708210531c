"""How messages show values."""

import numpy as np
import pytest

from braintools_qps._wording import shortened


@pytest.mark.parametrize("value", [np.zeros((30, 64, 20)), "a.b..c..." * 9, "." * 99])
def test_three_dots_stand_for_the_rest_wherever_the_cut_falls(value):
    whole = " ".join(repr(value).split())
    for longest in range(20, 80):
        text = shortened(repr(value), longest)
        begins, dots, rest = text.rpartition("...")
        assert (dots, rest) == ("...", "")
        assert whole.startswith(begins)
        assert not begins.endswith(".")
        assert len(text) <= longest
