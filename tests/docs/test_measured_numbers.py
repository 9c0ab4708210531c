"""Pages and the README files of benchmarks/results say what the results say."""

import json
import re

import pytest
from helpers import ROOT

from benchmarks.casebook.pages import tables
from benchmarks.pages import READMES, filled

RESULTS = ROOT / "benchmarks" / "results"
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("[gt]*/*.md")]
NUMBERS = r"([\d.]+)\s+to\s+([\d.]+)\s+times"
# Page, what it says, the suite of benchmarks that measured it, and the contestant.
TIMES = [
    *(
        ("devices", rf"`{unroll}`\s+took\s+{NUMBERS}", "accelerator", f"braintools_qps, {unroll}")
        for unroll in ("unroll=4", "unroll=8")
    ),
    ("recipes", rf"trains\s+{NUMBERS}\s+as\s+fast", "convolutions", "one step at a time"),
    ("recipes", rf"takes\s+{NUMBERS}\s+as\s+long", "convolutions",
     "one step at a time, as products"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "sentence", "suite", "contestant"), TIMES)
def test_a_guide_says_the_lowest_and_the_highest_time(page, sentence, suite, contestant):
    times = [
        row["to_bound"]
        for file in RESULTS.glob(f"cpu-jax-*/{suite}.json")
        for row in json.loads(file.read_text())["measurements"]
        if row["contestant"] == contestant and row["table"].endswith("raining step")
    ]
    (said,) = re.findall(sentence, (ROOT / "docs" / "guides" / f"{page}.md").read_text("utf-8"))
    assert [*map(float, said)] == [round(min(times), 1), round(max(times), 1)]


# Steps of time, intervals of 95% and errors of 5% were chosen, not measured.
MEASURED = r"(?<![\w.=-])(?!95%|5%)\d[\d.,]*(?:%|\s+(?:points|times\s+as|MB|GB|seconds)\b)"
SOURCE = r"[\w*/-]+\.json|results/|\{code-cell\}|<!-- verdict"  # a page prints what it runs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_measured_numbers_name_their_file_which_says_version_processor_and_date(page):
    blocks = re.compile(r"```.*?```", re.DOTALL)
    text = re.sub(r"^```(?!\{code-cell).*?^```$", "", page.read_text("utf-8"), flags=re.S | re.M)
    for section in re.split(r"^(?=#+ )", text, flags=re.M):
        if re.search(MEASURED, re.sub(r"`[^`\n]*`", "", blocks.sub("", section))):
            assert re.search(SOURCE, section), section
    for name in {*re.findall(r"`([\w*/-]+\.json)`", text)}:
        files = [*RESULTS.rglob(name.removeprefix("benchmarks/results/"))] or [*ROOT.glob(name)]
        assert files, name
        for file in files:
            beside = file.with_name(f"{file.stem}_made.json")  # a record has a format of its own
            facts = json.loads((beside if beside.exists() else file).read_text("utf-8"))
            readme = file.with_name("README.md")
            made_at = rf"{re.escape(file.name)}\b.*\b[0-9a-f]{{8}}\b"  # the commit, in a table
            if not (readme.exists() and re.search(made_at, readme.read_text("utf-8"))):
                assert {"processor", "date", "versions"} <= {*facts["environment"]}, file


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_a_readme_has_the_numbers_of_its_results(readme):
    assert readme.read_text("utf-8") == filled(readme)  # python -m benchmarks.pages renews it


def test_every_network_of_a_group_ends_in_one_way_after_prepare():
    ends, groups = {}, {}
    lines = tables()["prepared"].splitlines()[2:]
    for group, _, *shares in (line.strip("| ").split(" | ") for line in lines):
        for part, share in enumerate(shares):
            count, of = map(int, share.split(" of "))
            ends[group, part] = ends.get((group, part), 0) + count
            groups[group, part] = of
    assert ends == groups
    assert sum(groups.values()) == int(tables()["tried"])
