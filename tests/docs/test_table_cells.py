"""Tables of the pages: intervals stay in one line."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="sphinx is not installed")
EXTENSIONS = Path(__file__).parents[2] / "docs" / "ext"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.1 (-1.7 to 3.8)", "1.1 (-1.7\xa0to\xa03.8)"),
        ("94.6% (93.7% to 95.5%)", "94.6% (93.7%\xa0to\xa095.5%)"),
        ("from 0.1 to 0.2", "from 0.1 to 0.2"),
    ],
)
def test_an_interval(monkeypatch, text, shown):
    monkeypatch.setattr(sys, "path", [str(EXTENSIONS), *sys.path])
    from docutils import nodes
    from table_cells import keep_intervals

    entry = nodes.entry("", nodes.paragraph("", text))
    keep_intervals(entry)
    assert entry.astext() == shown


@pytest.mark.parametrize(("heading", "classes"), [("here", ["answer-last"]), ("time", [])])
def test_a_table_of_conversions_shows_its_answers(monkeypatch, heading, classes):
    monkeypatch.setattr(sys, "path", [str(EXTENSIONS), *sys.path])
    from docutils import nodes
    from table_cells import shape

    row = lambda *cells: nodes.row("", *(nodes.entry("", nodes.paragraph("", c)) for c in cells))
    head, body = nodes.thead("", row("theirs", heading)), nodes.tbody("", row("a", "b"))
    table = nodes.table("", nodes.tgroup("", head, body, cols=2))
    shape(None, table, "")
    assert table["classes"] == classes
