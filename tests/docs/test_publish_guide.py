"""The package of docs/guides/publish.md, built, installed and tested as its reader would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from braintools_qps import UnknownSurrogateError, get_surrogate
from braintools_qps.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "publish.md"
FILE = re.compile(r"```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def package(tmp_path):
    """The files of the page, installed by pip into a directory of their own."""
    for name, text in FILE.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    offline = ["--no-build-isolation", "--no-deps", "--no-index", "--target", tmp_path / "site"]
    subprocess.run([*pip, *offline, tmp_path], check=True)
    return tmp_path


@pytest.mark.thorough  # tests/integration/test_plugins.py has what pip leaves on a path
def test_the_package_of_the_page_is_listed_and_passes_its_own_test(package, monkeypatch, capsys):
    with pytest.raises(UnknownSurrogateError):
        get_surrogate("RaisedCosine")
    monkeypatch.syspath_prepend(package / "site")
    assert main(["list"]) == 0
    [row] = [row for row in capsys.readouterr().out.splitlines() if "RaisedCosine" in row]
    assert row.split()[:3] == ["RaisedCosine", "raised-cosine", "width=1.0"]
    namespace = {}
    exec((package / "test_raised_cosine.py").read_text(encoding="utf-8"), namespace)
    namespace["test_conforms"]()
