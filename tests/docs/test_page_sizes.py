"""Pages are short: a guide has 1,500 words at most, the landing page 700."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", sorted((DOCS / "guides").glob("*.md")), ids=lambda path: path.stem)
def test_a_guide_has_1500_words_at_most(page):
    assert len(page.read_text("utf-8").split()) <= 1500


def test_the_landing_page_has_700_words_at_most():
    assert len((DOCS / "index.md").read_text("utf-8").split()) <= 700
