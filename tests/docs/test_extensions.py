"""The extensions of Sphinx in docs/ext: pages, downloads and signatures as readers get them."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

DOCS = Path(__file__).parents[2] / "docs"
WITH_CODE = [p for p in DOCS.rglob("*.md") if "_build" not in p.parts and "mystnb" in p.read_text()]
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "ext"), *sys.path])


GOOD = {
    "index.html": '<a href="guide.html#there">in</a> <img src="figure.svg"> <a href="https://a.b">',
    "guide.html": '<h2 id="there">x</h2> <a href="index.html">x</a> <a href="#there">x</a>',
    "figure.svg": "<svg/>",
    "style.css": "a { background: url(figure.svg) }",
}
BAD = {
    '<script src="https://cdn.example/x.js"></script>': "another machine",
    "<p>| time | memory |\n| --- | --- |</p>": "shows the source of a table",
    '<a href="gone.html">x</a>': "links to gone.html, which is not there",
    '<a href="guide.html#gone">x</a>': "links to guide.html#gone, which is not there",
}


def test_a_page_needs_no_other_machine_and_has_no_dead_link(monkeypatch, tmp_path):
    import self_contained

    said = []
    monkeypatch.setattr(self_contained, "warn", lambda path, root, what: said.append(what))
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    self_contained.check(app, None)
    assert said == []
    (tmp_path / "bad.css").write_text("a { background: url(https://example.org/x.png) }")
    (tmp_path / "bad.html").write_text("\n".join(BAD))
    self_contained.check(app, None)
    assert len(said) == len(BAD) + 1
    assert all(any(what in complaint for complaint in said) for what in BAD.values())


def plain(text):
    """Markdown as it stands in a downloaded notebook."""
    pytest.importorskip("pybtex", reason="what the documentation needs is not installed")
    from notebook_downloads import Plain

    title = SimpleNamespace(astext=lambda: "Memory and speed")
    env = SimpleNamespace(titles={"guides/memory": title})
    app = SimpleNamespace(srcdir=DOCS, env=env)
    return Plain(app, "tutorials/memory").markdown(text)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{func}`~braintools_qps.compare` trains", "`compare` trains"),
        ("{obj}`Scaled <braintools_qps.Scaled>`", "`Scaled`"),
        ("{math}`|x|` is", "$|x|$ is"),
        ("See {doc}`../guides/memory`.", "See *Memory and speed*."),
        ("See [](../guides/memory.md).", "See *Memory and speed*."),
        ("A {doc}`lesson <../guides/memory>`", "A lesson"),
        ("{cite:t}`herranz2022stabilizing` compared", "Herranz-Celotti and Rouat (2022) compared"),
        ("```{code-block} toml\n:caption: a.toml\n\n[a]\n```\n", "```\n[a]\n```\n"),
        ("```{eval-rst}\n.. plot:: a.py\n```\nText\n", "Text\n"),
        ("slope\n: Mean of the\n  gradient.\n", "- **slope**: Mean of the\n  gradient.\n"),
    ],
)
def test_a_downloaded_notebook_shows_plain_markdown(written, shown):
    assert plain(written) == shown


def test_no_role_or_directive_is_left_of_a_page():
    left = re.compile(r"\{[\w:-]+\}`|^```\{|\{\{|\]\([\w./-]+\.md|^:::", re.MULTILINE)
    for page in WITH_CODE:
        text = CELL.sub("", page.read_text(encoding="utf-8").partition("\n---\n")[2])
        assert not left.search(plain(text)), page
