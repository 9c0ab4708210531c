"""Pages have the titles that errors name, and the names of attributes that are looked for."""

import re
from pathlib import Path

from braintools_qps._models.neuron import MEMBRANES, SPIKE_FUNCTIONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
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
    page = (DOCS / "guides" / "why_not_learning.md").read_text("utf-8")
    rows = re.findall(r"^\| (surrogate|membrane).*? \| (.*?) \|", page, re.M)
    listed = {name: tuple(re.findall("`(.*?)`", cell)) for name, cell in rows}
    assert listed == {"surrogate": SPIKE_FUNCTIONS, "membrane": MEMBRANES}
