"""`nox -s figures` keeps one comparison: pages show it, and another version's is refused."""

import json
import re
import subprocess
import sys

import pytest
from helpers import ROOT
from PIL import Image

from braintools_qps import Comparison

sys.path.append(str(ROOT / "docs" / "figures"))

import default_comparison as kept

RECORD = kept.RECORD.read_text(encoding="utf-8")
COMPARISON = Comparison.from_json(RECORD)
MADE = json.loads(kept.MADE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", kept.PAGES)
def test_a_page_shows_what_the_record_prints_and_its_figure(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = text.partition("<!-- comparison -->\n```text\n")[2].partition("```")[0]
    assert shown.strip()
    assert str(COMPARISON).startswith(shown)
    assert " ".join(shown.split()).endswith(" ".join(COMPARISON.verdict.split()))
    assert "_static/comparison.png" in text
    assert text == kept.filled(text)


def test_the_figure_was_drawn_from_the_record():
    assert Image.open(kept.PICTURE).text["Description"] == kept.digest(RECORD)


def test_the_record_is_complete_and_of_the_version_that_the_pages_name():
    assert len(COMPARISON.results) == len(COMPARISON.candidates)
    assert COMPARISON.environment["packages"]["braintools-qps"] == kept.version_of(MADE)


def test_the_record_names_no_path_of_a_machine():
    assert not re.search(r'"(/|[A-Z]:\\\\)\w', RECORD)


@pytest.fixture
def checkout(tmp_path):
    """A repository with a package of version 1.0, and what a comparison made there says."""
    git = lambda *words: subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "braintools_qps").mkdir()
    (tmp_path / "braintools_qps" / "code.py").write_text("x = 1\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.0"\n')
    git("init", "--quiet")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "1.0")
    commit = kept.git("rev-parse", "HEAD", root=tmp_path)
    return tmp_path, {"commit": commit, "environment": {"versions": {"braintools-qps": "1.0"}}}


def test_a_record_of_the_checkout_is_taken_whatever_else_has_changed(checkout):
    root, made = checkout
    (root / "README.md").write_text("a page\n")
    kept.refuse_others(made, root)


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_a_record_of_other_code_is_refused(checkout, name):
    root, made = checkout
    (root / "braintools_qps" / name).write_text("x = 2\n")
    with pytest.raises(SystemExit, match=rf"braintools_qps/{name}"):
        kept.refuse_others(made, root)


def test_a_record_of_another_version_is_refused(checkout):
    root, made = checkout
    (root / "pyproject.toml").write_text('[project]\nversion = "1.1"\n')
    with pytest.raises(SystemExit, match="of version 1.0, and 1.1 is checked out"):
        kept.refuse_others(made, root)
