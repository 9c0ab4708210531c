"""Pages are short, have the titles that errors name, and say what benchmarks/results holds."""

import json
import re
from pathlib import Path

import pytest

from braintools_qps._models.neuron import MEMBRANES, SPIKE_FUNCTIONS

ROOT = Path(__file__).parents[2]
DOCS, RESULTS = ROOT / "docs", ROOT / "benchmarks" / "results"
DEVICES = " ".join((DOCS / "guides" / "devices.md").read_text("utf-8").split())
TITLES = {
    re.search(r"^# (.+)$", page.read_text("utf-8"), re.M)[1]
    for page in DOCS.rglob("*.md")
    if "_build" not in page.parts and re.search(r"^# ", page.read_text("utf-8"), re.M)
}


def test_every_page_that_the_package_names_has_this_title():
    files = (ROOT / "braintools_qps").rglob("*.py")
    code = " ".join(" ".join(path.read_text("utf-8") for path in files).split())
    code = re.sub(r'" f?"', "", code)  # texts over several lines
    named = set(re.findall(r"""\bpage ["']([^"']+)["']""", code))
    assert {"While training", "Sharp bits"} <= named <= TITLES


def test_the_names_of_a_neurons_attributes_stand_in_one_table():
    page = (DOCS / "guides" / "gradient_flow.md").read_text("utf-8")
    names = {
        row[0]: row[1] for row in re.findall(r"^\| (surrogate|membrane).*? \| (.*?) \|", page, re.M)
    }
    listed = {name: tuple(re.findall("`(.*?)`", cell)) for name, cell in names.items()}
    assert listed == {"surrogate": SPIKE_FUNCTIONS, "membrane": MEMBRANES}


@pytest.mark.parametrize("page", sorted((DOCS / "guides").glob("*.md")), ids=lambda path: path.stem)
def test_a_guide_has_1500_words_at_most(page):
    assert len(page.read_text("utf-8").split()) <= 1500


def test_the_landing_page_has_700_words_at_most():
    assert len((DOCS / "index.md").read_text("utf-8").split()) <= 700


def test_what_unroll_costs_on_a_cpu():
    """On the page of devices, where nobody has measured what it brings on a GPU."""
    files = sorted(RESULTS.glob("cpu-jax-*/accelerator.json"))
    assert files
    for unroll in (4, 8):
        name = f"braintools_qps, unroll={unroll}"
        steps = [m for file in files for m in json.loads(file.read_text())["measurements"]]
        times = sorted(m["to_bound"] for m in steps if m["contestant"] == name)
        said = re.search(rf"`unroll={unroll}` took ([\d.]+) to ([\d.]+) times", DEVICES)
        assert [*map(float, said.groups())] == [round(times[0], 1), round(times[-1], 1)]


def test_the_page_says_so_as_long_as_nobody_has_measured_a_gpu():
    cards = [file for file in RESULTS.glob("*/accelerator.json") if file.parent.name[:4] != "cpu-"]
    assert ("nobody has run it on a GPU yet" in DEVICES) == (not cards)
