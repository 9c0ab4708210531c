"""All files of a release give the same version, date, address and supported releases."""

import json
import re
import tomllib

import pytest
from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
CITATION = (ROOT / "CITATION.cff").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)(?: - (\S+))?$", (ROOT / "CHANGELOG.md").read_text(), re.M))
RELEASE = next(name for name in SECTIONS if name != "Unreleased")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def numbers(version):
    return [*map(int, re.findall(r"\d+", version.partition(".dev")[0]))]


def test_the_citation_is_that_of_the_newest_release():
    assert re.findall(r"^version: (.+)$", CITATION, re.M) == [RELEASE]
    assert re.findall(r"^date-released: (.+)$", CITATION, re.M) == [SECTIONS[RELEASE]]


def test_the_readme_names_the_newest_release():
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"newest release is ([\d.]+\d)", readme) == [RELEASE]
    assert re.findall(r"git checkout v([\d.]+\d)", readme) == [RELEASE]


def test_the_kept_comparison_is_of_the_release_or_of_what_follows_it():
    made = json.loads((ROOT / "docs" / "_static" / "comparison_made.json").read_text())
    version = made["environment"]["versions"]["braintools-qps"]
    assert version in ({RELEASE, VERSION} if "Unreleased" in SECTIONS else {VERSION})


def test_the_version_is_the_release_or_a_development_version_of_the_next():
    if "Unreleased" in SECTIONS:
        assert ".dev" in VERSION
        assert numbers(VERSION) > numbers(RELEASE)
    else:
        assert VERSION == RELEASE


def test_the_table_of_versions_has_the_oldest_of_each_and_every_python():
    page = (ROOT / "docs" / "support.md").read_text()
    header, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("|") and "---" not in line
    ]
    oldest = dict(line.split(">=") for line in PROJECT["dependencies"])
    for name, version in zip(header[1:-1], rows[0][1:-1], strict=True):
        assert version == oldest[name.lower()]
    pythons = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "3." in line]
    assert [row[0] for row in rows] == pythons
    assert PROJECT["requires-python"] == f">={pythons[0]}"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_hash(workflow):
    actions = re.findall(r"uses: (.+)", workflow.read_text())
    assert actions
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v[\d.]+", action) for action in actions)


def test_the_bibtex_of_the_software_is_that_of_the_citation():
    page = (ROOT / "docs" / "citing.md").read_text()
    entry = page.partition("@software{")[2].partition("\n}")[0].replace("\\_", "_")
    said = dict(re.findall(r"^  (\w+) += \{+(.*?)\}+,?$", entry, re.M))
    known = dict(re.findall(r'^([\w-]+): "?(.*?)"?$', CITATION, re.M))
    assert said["year"] == known["date-released"][:4]
    assert all(said[field] == known[field] for field in ("title", "version", "license"))
    assert f"name: {said['author']}\n" in CITATION
    [paper] = re.findall(r'value: "(arXiv:.*)"', CITATION)
    assert f"= {{{paper}}}" in page
