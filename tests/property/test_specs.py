"""Specs under Hypothesis: no text does anything but build a surrogate or fail."""

import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braintools_qps import get_surrogate

TOKENS = """lambda await yield __import__ exec('raise SystemExit') f'{x}' alpha= QPseudoSpike mV 1
inf 1e999 None ( ) [ ] { } , = : * + - . ' " # \\""".split()
texts = st.lists(st.sampled_from([*TOKENS, " ", "\n", "\0"]) | st.text(max_size=3), max_size=12)


@pytest.mark.thorough
@settings(deadline=None, max_examples=200)
@given(texts.map("".join))
def test_text_builds_a_surrogate_or_is_refused(text):
    modules = set(sys.modules)
    for spec in (text, f"QPseudoSpike({text})", f"QPseudoSpike(scale={text!r})"):
        with suppress(ValueError, TypeError, LookupError):  # a wrong name, text, unit or argument
            get_surrogate(spec)
    assert set(sys.modules) == modules
