"""What pages quote from the surrogate study is what its JSON says today."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.study import claims  # noqa: E402
from benchmarks.study.store import STORE, Store  # noqa: E402

QUOTING = [page for page in claims.pages() if claims.MARKED.search(page.read_text("utf-8"))]
LINK = re.compile(r"surrogate_study")
FIGURE = re.compile(r"\d ?(?:%|points?\b)")


@pytest.fixture(scope="module")
def known():
    return claims.claims(Store())


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", QUOTING, ids=named)
def test_what_is_quoted_is_what_the_json_says(page, known):
    text = page.read_text("utf-8")
    assert text == claims.refreshed(text, known), "run python -m benchmarks.study --write"


def test_the_page_and_the_guides_quote_it():
    assert {"surrogate_study.md", "choosing.md", "theory.md"} <= {page.name for page in QUOTING}


@pytest.mark.parametrize("page", claims.pages(), ids=named)
def test_a_paragraph_that_cites_the_study_marks_its_figures(page):
    for paragraph in page.read_text("utf-8").split("\n\n"):
        if LINK.search(paragraph):
            assert not FIGURE.search(claims.MARKED.sub("", paragraph)), paragraph


@pytest.mark.parametrize("page", QUOTING, ids=named)
def test_no_line_begins_with_a_marker(page):
    """In Markdown such a line would end the paragraph."""
    assert not re.search(r"^\s*<!--study:(?!table)", page.read_text("utf-8"), re.M)


def test_a_figure_that_the_json_no_longer_bears_out_is_noticed(known):
    text = QUOTING[0].read_text("utf-8")
    key = claims.MARKED.search(text)["key"]
    assert claims.refreshed(text, {**known, key: "something else"}) != text


def test_an_unknown_key_is_an_error(known):
    with pytest.raises(KeyError, match="no such thing"):
        claims.refreshed("<!--study:no such thing-->1<!--/-->", known)


def test_the_json_is_small():
    assert STORE.stat().st_size < 1_500_000
