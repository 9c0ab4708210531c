"""The gallery shows every function of `braintools_qps.plotting`."""

import re
from pathlib import Path

import pytest

from braintools_qps import plotting

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "gallery.md"


@pytest.mark.parametrize("name", plotting.__all__)
def test_a_figure_has_a_section_with_its_code(name):
    sections = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    assert any(re.search(rf"^{name}\(", section, re.MULTILINE) for section in sections)
