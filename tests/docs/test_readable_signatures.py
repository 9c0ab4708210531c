"""Signatures in the reference show no repr of an object."""

import dataclasses
import sys
from pathlib import Path

import pytest

from braintools_qps import SpikeLinear, records

pytest.importorskip("sphinx", reason="sphinx is not installed")
EXTENSIONS = Path(__file__).parents[2] / "docs" / "ext"
RECORDS = [vars(records)[name] for name in records.__all__]


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXTENSIONS), *sys.path])
    from readable_signatures import show

    return lambda obj, text: show(None, "class", obj.__name__, obj, None, text, None)[0]


@pytest.mark.parametrize("record", [*filter(dataclasses.is_dataclass, RECORDS)])
def test_defaults_of_a_record_are_short(shown, record):
    text = shown(record, "(a=<factory>)")
    assert "<" not in text
    assert "\n" not in text


def test_defaults_of_a_result(shown):
    text = shown(records.CandidateResult, "(a=<factory>)")
    assert text.startswith(
        "(label, spec, setting={}, tuned_spec={}, seeds=(), scores=Scores(), curves=Curves()"
    )


def test_a_layer_shows_what_it_takes(shown):
    assert shown(SpikeLinear, "(*args, **kwargs)") == "(*args, scale=None, **kwargs)"
