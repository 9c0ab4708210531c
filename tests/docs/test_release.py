"""All files of a release give the same version and date."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CITATION = (ROOT / "CITATION.cff").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)(?: - (\S+))?$", (ROOT / "CHANGELOG.md").read_text(), re.M))


def test_the_citation_has_the_version_of_the_package():
    assert re.findall(r"^version: (.+)$", CITATION, re.M) == [VERSION]


@pytest.mark.skipif(".dev" in VERSION, reason="between two releases")
def test_a_release_is_the_newest_section_of_the_changelog_with_its_date():
    newest = next(name for name in SECTIONS if name != "Unreleased")
    assert newest == VERSION
    assert re.findall(r"^date-released: (.+)$", CITATION, re.M) == [SECTIONS[VERSION]]
