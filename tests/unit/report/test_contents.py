"""What stands in a report, read back from its text."""

import dataclasses
import re
import sys

import pytest
from report_records import COMPARISON, FLOW, NASTY

from braintools_qps import write_report
from braintools_qps.records import Trial, Tuning, table_of


@pytest.fixture
def report(tmp_path):
    """The text of a report that is written."""

    def of(record, **options):
        return write_report(record, tmp_path / "r.html", **options).read_text(encoding="utf-8")

    return of


OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_a_comparison(report):
    text = report(COMPARISON, command="braintools-qps compare --seeds 2")
    assert "<title>Surrogates compared on digits-rows</title>" in text
    assert "1 of 2 candidates, trained with 2 seeds." in text
    assert f'<p class="says">{COMPARISON.convergence}</p>' in text
    assert "Test accuracy after epoch None: mean of 2 seeds [95% interval]" in text
    for fact in (
        "<dt>name</dt><dd>digits-rows</dd>",
        "<dt>samples</dt><dd>train 7, test 2</dd>",
        "<dt>learning rate</dt><dd>0.125</dd>",
        "<dt>time constants</dt><dd>1, 8</dd>",
        f"<dt>model, sha256</dt><dd>{OF_ABC}</dd>",
        "<dt>packages</dt><dd>jax 0.99</dd>",
        "<pre>braintools-qps compare --seeds 2</pre>",
    ):
        assert fact in text
    for cell in table_of(COMPARISON).rows[1][1:]:
        assert re.search(rf'<td data-title="[^"]+">{re.escape(cell)}</td>', text)


def test_a_flow_and_several(report):
    text = report(FLOW)
    assert "<h3>model</h3>" in text
    assert "<li>Look at lif.</li>" in text
    assert re.search(r"<dt>packages</dt><dd>.*jax \d", text)
    layers = (FLOW.populations[0], dataclasses.replace(FLOW.populations[0], name="second"))
    one, two = (dataclasses.replace(FLOW, name=name, populations=layers) for name in ("one", "two"))
    both = report({"one": one, "two": dataclasses.replace(two, further=())})
    assert both.count("<figure>") == 1
    assert both.count("<li>Look at lif.</li>") == 1


@pytest.mark.parametrize("record", [COMPARISON, {NASTY: dataclasses.replace(FLOW, name=NASTY)}])
def test_nothing_of_a_record_is_taken_for_html(report, record):
    text = report(record, command=NASTY)
    assert "<script" not in text
    assert not re.search(r"(src|href)=.(https?:)?//|url\(.?(https?:)?//", text)  # loads nothing
    assert text.count("&lt;script&gt;") > 3


def test_figures_take_the_colours_of_the_page(report):
    drawings = re.findall(r"<svg.*?</svg>", report(COMPARISON), re.DOTALL)
    assert len(drawings) == 5
    for svg in drawings:
        assert "currentColor" in svg
        assert "#010203" not in svg
        assert "#ffffff" not in svg


def test_tuning_is_drawn_and_the_values_are_told_one_name_after_the_other(report):
    trials = tuple(Trial({"dampening": value}, (value, value)) for value in (0.25, 1.0))
    tried = {"learning_rate": (0.1, 0.3), "mean_slope": (0.1,), "hidden": (4, 8)}
    options = {"hidden": 96, "reset": "soft"}
    text = report(
        dataclasses.replace(
            COMPARISON,
            results=(dataclasses.replace(*COMPARISON.results, tuning=Tuning(trials, (1, 1))),),
            settings={**COMPARISON.settings, "x64": False, "tune": tried, "options": options},
        )
    )
    assert text.count("</figure>") == 6
    assert text.count("Tuning<") == 1  # the heading
    assert "Validation accuracy, mean over seeds, and how many of them chose the setting." in text
    assert "Frame: chosen most often." in text
    assert "<dt>tune</dt><dd>learning rate 0.1, 0.3; mean slope 0.1; hidden 4, 8</dd>" in text
    assert "<dt>learning rate</dt>" not in text  # each candidate has its own
    assert "<dt>options</dt><dd>reset soft</dd>" in text
    assert "<dt>x64</dt><dd>no</dd>" in text


def test_the_names_within_one_figure_are_not_those_of_another(report):
    drawings = re.findall(r"<svg.*?</svg>", report(COMPARISON), re.DOTALL)
    clips = [set(re.findall(r'<clipPath id="(\w+)"', svg)) for svg in drawings]
    assert all(clips)
    assert len(set.union(*clips)) == sum(map(len, clips))


def test_the_same_record_gives_the_same_file(report):
    assert report(COMPARISON) == report(COMPARISON)


@pytest.mark.parametrize(
    ("record", "error", "words"),
    [
        ({}, ValueError, "got none"),
        (dataclasses.replace(COMPARISON, results=()), ValueError, "got none"),
        ("record", TypeError, "got str"),
        ({"one": 1}, TypeError, "got dict"),
    ],
)
def test_what_cannot_be_reported(report, record, error, words):
    with pytest.raises(error, match=words):
        report(record)


def test_without_jinja_the_fix_is_said(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"Run pip install 'braintools-qps\[train\]'"):
        report(FLOW)
