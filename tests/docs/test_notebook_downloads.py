"""A downloaded notebook shows plain Markdown: no role or directive of Sphinx is left in it."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("pybtex", reason="what the documentation needs is not installed")
DOCS = Path(__file__).parents[2] / "docs"
PAGES = [p for p in DOCS.rglob("*.md") if "_build" not in p.parts and "mystnb" in p.read_text()]
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "ext"), *sys.path])
    import notebook_downloads

    title = SimpleNamespace(astext=lambda: "Memory and speed")
    env = SimpleNamespace(titles={"guides/memory": title})
    config = SimpleNamespace(myst_substitutions={"study": {"lost": 1.2}})
    app = SimpleNamespace(srcdir=DOCS, env=env, config=config)
    return notebook_downloads.Plain(app, "tutorials/memory").markdown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{func}`~braintools_qps.compare` trains", "`compare` trains"),
        ("{obj}`jax.jit` traces", "`jax.jit` traces"),
        ("{obj}`Scaled <braintools_qps.Scaled>`", "`Scaled`"),
        ("{math}`|x|` is", "$|x|$ is"),
        ("See {doc}`../guides/memory`.", "See *Memory and speed*."),
        ("See [](../guides/memory.md).", "See *Memory and speed*."),
        ("[Lesson](../guides/memory.md#by-hand)", "Lesson"),
        ("A {doc}`lesson <../guides/memory>`", "A lesson"),
        ("{cite:t}`herranz2022stabilizing` compared", "Herranz-Celotti and Rouat (2022) compared"),
        ("```{code-block} toml\n:caption: a.toml\n\n[a]\n```\n", "```\n[a]\n```\n"),
        ("```{eval-rst}\n.. plot:: a.py\n```\nText\n", "Text\n"),
        ("Lost {{ study.lost }} points", "Lost 1.2 points"),
        ("slope\n: Mean of the\n  gradient.\n", "- **slope**: Mean of the\n  gradient.\n"),
        ("```bash\npip install .\n```\n", "```bash\npip install .\n```\n"),
    ],
)
def test_markdown(plain, written, shown):
    assert plain(written) == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_role_is_left_of_a_page(plain, page):
    text = CELL.sub("", page.read_text(encoding="utf-8").partition("\n---\n")[2])
    assert not re.search(
        r"\{[\w:-]+\}`|^```\{|\{\{|\]\([\w./-]+\.md|^:::", plain(text), re.MULTILINE
    )
