"""Specs under Hypothesis: whatever can be built comes back, and no text does anything but fail."""

import json
import sys
from contextlib import suppress

import brainunit as u
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braintools_qps import QPseudoSpike, get_surrogate, surrogate_spec
from braintools_qps._registry import call_text

settings.register_profile("specs", deadline=None, max_examples=200)
PROFILE = settings.get_profile("specs")

positive = st.floats(min_value=0, exclude_min=True, allow_nan=False)
factors = st.floats(min_value=1e-7, max_value=1e7)  # the range that is checked
units = st.sampled_from([u.mV, u.volt, u.mV / u.ms, u.nA, u.mV**2])
surrogates = st.builds(
    QPseudoSpike,
    positive,
    scale=st.none() | factors | st.builds(lambda value, unit: value * unit, factors, units),
    dampening=factors,
    residual_dtype=st.sampled_from([None, "bfloat16", "float16", "uint8"]),
)


@pytest.mark.thorough
@PROFILE
@given(surrogates)
def test_every_surrogate_of_ours_comes_back_through_json_a_call_and_its_repr(surrogate):
    spec = surrogate_spec(surrogate)
    assert get_surrogate(json.loads(json.dumps(spec, allow_nan=False))) == surrogate
    assert get_surrogate(call_text(surrogate)) == surrogate
    assert get_surrogate(repr(surrogate)) == surrogate


TOKENS = """lambda await yield __import__ exec('raise SystemExit') f'{x}' alpha= QPseudoSpike mV 1
inf 1e999 None ( ) [ ] { } , = : * + - . ' " # \\""".split()
texts = st.lists(st.sampled_from([*TOKENS, " ", "\n", "\0"]) | st.text(max_size=3), max_size=12)


@pytest.mark.thorough
@PROFILE
@given(texts.map("".join))
def test_text_builds_a_surrogate_or_is_refused(text):
    modules = set(sys.modules)
    for spec in (text, f"QPseudoSpike({text})", f"QPseudoSpike(scale={text!r})"):
        with suppress(ValueError, TypeError, LookupError):  # a wrong name, text, unit or argument
            get_surrogate(spec)
    assert set(sys.modules) == modules
