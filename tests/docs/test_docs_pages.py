"""The check that the documentation's build runs over its own pages."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx", reason="sphinx is not installed")
DOCS = Path(__file__).parents[2] / "docs"

PAGES = {
    "index.html": '<a href="guide.html#there">in</a> <img src="figure.svg"> <a href="https://a.b">',
    "guide.html": '<h2 id="there">x</h2> <a href="index.html">x</a> <a href="#there">x</a>',
    "figure.svg": "<svg/>",
    "style.css": "a { background: url(figure.svg) }",
}


@pytest.fixture
def complaints(tmp_path, monkeypatch):
    """Write pages and return what the check warns about."""
    monkeypatch.setattr(sys, "path", [str(DOCS / "ext"), *sys.path])
    import self_contained

    def of(pages):
        said = []
        monkeypatch.setattr(self_contained, "warn", lambda path, root, what: said.append(what))
        for name, text in pages.items():
            (tmp_path / name).write_text(text)
        app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
        self_contained.check(app, None)
        return said

    return of


def test_good_pages_pass(complaints):
    assert complaints(PAGES) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bad.html", '<script src="https://cdn.example/x.js"></script>'),
        ("bad.html", '<link rel="stylesheet" href="//fonts.example/x.css">'),
        ("bad.html", '<img src="https://badges.example/x.svg">'),
        ("bad.css", "@import 'https://fonts.example/x.css';"),
        ("bad.css", "a { background: url(https://example.org/x.png) }"),
    ],
)
def test_a_resource_from_another_machine(complaints, name, text):
    assert "another machine" in complaints(PAGES | {name: text})[0]


def test_a_table_as_text(complaints):
    text = "<p>| time | memory |\n| --- | --- |</p>"
    assert complaints(PAGES | {"bad.html": text}) == ["shows the source of a table"]


@pytest.mark.parametrize("address", ["gone.html", "guide.html#gone", "#gone", "gone.svg"])
def test_a_dead_link(complaints, address):
    assert complaints(PAGES | {"bad.html": f'<a href="{address}">x</a>'}) == [
        f"links to {address}, which is not there"
    ]
