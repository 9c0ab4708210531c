"""Pages have the advice, the titles that errors name, and the attributes that are looked for."""

import re

from helpers import ROOT

from braintools_qps import Comparison, QPseudoSpike
from braintools_qps._defaults import ADVICE, SURROGATES
from braintools_qps._models.neuron import MEMBRANES, SPIKE_FUNCTIONS

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


def test_the_advice_is_quoted_wherever_somebody_starts_and_compare_tries_it():
    pages = "README.md", "docs/index.md", "docs/guides/choosing.md", "docs/guides/names.md"
    for text in (QPseudoSpike.__doc__, *((ROOT / page).read_text("utf-8") for page in pages)):
        assert ADVICE in " ".join(text.replace("`", "").split())
    assert SURROGATES[-1] in ADVICE


def test_the_lines_for_latex_write_a_table_of_the_kept_comparison(capsys):
    page = (DOCS / "citing.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(table = .*?)```", page, re.DOTALL)
    record = (DOCS / "_static" / "comparison.json").read_text("utf-8")
    comparison = Comparison.from_json(record)
    exec(lines, {"comparison": comparison})
    printed = capsys.readouterr().out
    assert printed.count("\\begin{tabular}") == 1
    for result in comparison.results:
        mean = sum(result.scores.test) / len(result.scores.test)
        assert f"{result.label} & {mean:.3f} & " in printed
