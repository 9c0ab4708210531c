"""Reports in headless Chromium: at both widths, in both colours, and on paper."""

import dataclasses
import re

import chromium
import pytest
from made_comparison import compared, tuned
from report_records import COMPARISON, FLOW

from braintools_qps import write_report

pytestmark = pytest.mark.skipif(
    chromium.PROGRAM is None, reason="chromium is not installed (apt-get install chromium)"
)
LUMINANCE = (
    "getComputedStyle(document.body).{}.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b)"
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium.page(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module", params=["comparison", "flow"])
def report(request, tmp_path_factory):
    record = {"comparison": COMPARISON, "flow": {"one": FLOW, "another": FLOW}}[request.param]
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(record, path, command="braintools-qps " + "compare " * 30)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1400])
def test_it_is_read_without_complaint_or_request(tab, report, width, dark):
    tab.open(report, width=width, dark=dark)
    assert tab.complaints == []
    assert tab.requests == [report.as_uri()]
    assert tab.overflow == 0
    assert tab.evaluate("document.scripts.length") == 0
    page, ink = (tab.evaluate(LUMINANCE.format(part)) for part in ("backgroundColor", "color"))
    assert (page < ink) == dark
    axis = tab.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert axis == tab.evaluate("getComputedStyle(document.body).color")


@pytest.mark.thorough
@pytest.mark.parametrize("width", [400, 1400])
def test_no_column_of_a_comparison_is_cut_off(tab, tmp_path, width):
    labels = ["Sigmoid", "QPseudoSpike(alpha=0.125, dampening=0.25)", "<b>$x", "x" * 5000]
    flags, scores = {"nan": 1, "collapse": 2}, (0.9, 0.8, 0.7, 0.9, 0.8)
    found = compared(*(tuned(one, scores, n, flags=flags) for n, one in enumerate(labels)))
    tab.open(write_report(found, tmp_path / "report.html"), width=width)
    assert tab.overflow == 0
    beyond = "(e => e.scrollWidth - e.clientWidth)(document.querySelector('.scroll'))"
    assert tab.evaluate(beyond) == 0
    assert tab.evaluate("document.querySelector('.says').innerText") == found.verdict
    assert tab.evaluate("document.querySelectorAll('tr.marked').length") == 4


def test_the_widest_table_fits_on_paper(tab, tmp_path):
    split = dataclasses.replace(FLOW.populations[0], kind="LIF", name="x" * 40)
    flow = dataclasses.replace(FLOW, populations=(split,))
    path = write_report({"QPseudoSpike(alpha=2.0)": flow}, tmp_path / "report.html")
    tab.open(path, width=700)  # of A4 and Letter between Chromium's margins
    tab.do("Emulation.setEmulatedMedia", media="print")
    assert tab.overflow == 0
    tab.do("Emulation.setEmulatedMedia", media="")


def test_it_prints_on_a_few_pages_in_dark_colours_too(tab, report):
    tab.open(report, dark=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", tab.pdf()))
    assert 1 <= pages <= 4
