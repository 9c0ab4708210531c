"""What stands in a report, read back from its text."""

import dataclasses
import re
import sys

import matplotlib.pyplot as plt
import pytest
from made_comparison import candidate, compared
from report_records import COMPARISON, FLOW, NASTY

from braintools_qps import write_report
from braintools_qps.records import table_of


@pytest.fixture
def report(tmp_path):
    """The text of a report that is written."""

    def of(record, **options):
        return write_report(record, tmp_path / "r.html", **options).read_text(encoding="utf-8")

    return of


def test_a_comparison(report):
    before = plt.get_fignums()
    text = report(COMPARISON, command="braintools-qps compare --seeds 2")
    assert text == report(COMPARISON, command="braintools-qps compare --seeds 2")
    assert "<title>Surrogates compared on digits-rows</title>" in text
    assert f'<p class="says">{COMPARISON.convergence}</p>' in text
    assert "Test accuracy after epoch None: mean of 2 seeds [95% interval]" in text
    assert "<h2>Methods</h2>\n<p>Networks were trained on digits-rows (5 steps)." in text
    assert "Versions: Python 3.99 and jax 0.99, on ?." in text
    assert "<pre>braintools-qps compare --seeds 2</pre>" in text
    assert "best_surrogate" not in text  # losses still fall
    for cell in table_of(COMPARISON).rows[1][1:]:
        assert f'">{cell}</td>' in text
    (svg,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert text.count("still falling") == 2  # in the verdict and in the methods
    for title in ("Test scores", "Training loss", "Surrogates, as trained"):
        assert title in svg
    assert plt.get_fignums() == before


def test_what_to_type_ends_the_report_of_a_finished_comparison(report):
    text = report(compared(candidate("A", (0.75, 0.5))))
    best = "comparison.best_surrogate: QPseudoSpike(alpha=1.0), learning_rate=0.1"
    assert text.endswith(f"<h2>To use</h2>\n<pre>{best}</pre>\n</body>\n</html>\n")
    assert text.count(best) == 1


def test_a_flow_and_several(report):
    text = report(FLOW)
    assert "<title>Does this network learn?</title>" in text  # also of one that does
    assert '<p class="says">lif is silent. Do so.</p>' in text
    assert '<p class="note">Look at lif.</p>' in text
    assert re.search(r"<p>Measured with Python 3.* jax \d", text)
    both = report({name: dataclasses.replace(FLOW, name=name) for name in ("one", "two")})
    assert both.count("<svg") == 1
    for name in ("one", "two"):
        assert f'<td data-title="surrogate">{name}</td>' in both


@pytest.mark.parametrize("record", [COMPARISON, {NASTY: dataclasses.replace(FLOW, name=NASTY)}])
def test_nothing_of_a_record_is_taken_for_html(report, record):
    text = report(record, command=NASTY)
    assert "<script" not in text
    assert not re.search(r"(src|href)=.(https?:)?//|url\(.?(https?:)?//", text)  # loads nothing
    assert text.count("&lt;script&gt;") > 1


@pytest.mark.parametrize(
    ("record", "error", "words"),
    [
        ({}, ValueError, "got none"), ("record", TypeError, "got str"),
        (dataclasses.replace(COMPARISON, results=()), ValueError, "got none"),
        ({"one": COMPARISON}, TypeError, "got dict"),
        (FLOW, ImportError, r"Run pip install 'braintools-qps\[train\]'"),
    ],
)  # fmt: skip
def test_what_cannot_be_reported(report, record, error, words, monkeypatch):
    if error is ImportError:
        monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(error, match=words):
        report(record)
