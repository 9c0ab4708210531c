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
