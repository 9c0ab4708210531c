"""Specs to surrogates and back: call strings, mappings, classes and instances, and their values."""

import json
import sys
from collections import UserList
from contextlib import suppress

import braintools.surrogate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Arctan, Sigmoid, Surrogate
from hypothesis import given, settings
from hypothesis import strategies as st

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, register_surrogate, surrogate_spec
from braintools_qps._registry import call_text

inf = float("inf")


class Holder(Surrogate):
    """Takes whatever it is given."""

    def __init__(self, required, number=1.0, *, text="first", either=None):
        self.required, self.number, self.text, self.either = required, number, text, either


class Halved(Surrogate):
    def __init__(self, surrogate: Surrogate, *, other: "Surrogate" = None):
        self.surrogate, self.other = surrogate, other


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (" q_pseudo_spike ( alpha = +1 , )", QPseudoSpike(1)),
        ("braintools-qps:QPseudoSpike(3)", QPseudoSpike(3)),
        ("QPseudoSpike('inf', scale='2 mV')", QPseudoSpike(inf, scale=2 * u.mV)),
        ("QPseudoSpike(scale='.5e-3V')", QPseudoSpike(scale=0.5e-3 * u.volt)),
        ("QPseudoSpike(scale='2 mV / ms')", QPseudoSpike(scale=2 * u.mV / u.ms)),
        ("QPseudoSpike(scale=None)", QPseudoSpike()),
        ("QPseudoSpike(residual_dtype='uint8')", QPseudoSpike(residual_dtype="uint8")),
        ({"name": "q_pseudo_spike", "alpha": "1e3"}, QPseudoSpike(1000.0)),
        (QPseudoSpike, QPseudoSpike()),
    ],
)
def test_specs_of_every_kind(spec, expected):
    assert get_surrogate(spec) == expected


def test_literals_of_every_kind():
    register_surrogate(Holder)
    values = "[-1, -2.5, -inf, True, 'x', ['15 mV', None], ()]"
    built = get_surrogate(f"Holder({values}, -inf)")
    assert built.required == [-1, -2.5, -inf, True, "x", [15 * u.mV, None], []]
    assert built.number == -inf


def test_a_list_of_numbers_is_an_array():
    built = get_surrogate("QPseudoSpike(alpha=[1, 2.5], scale='[10, 20] mV')")
    np.testing.assert_array_equal(built.alpha, [1, 2.5])
    np.testing.assert_array_equal(built.scale.to_decimal(u.mV), [10, 20])
    nested = get_surrogate({"name": "QPseudoSpike", "alpha": [[1, 2], [3, 4]]})
    np.testing.assert_array_equal(nested.alpha, [[1, 2], [3, 4]])
    # A list of another library, such as OmegaConf's, and the keyword by which Hydra calls.
    other = get_surrogate(spec="QPseudoSpike", alpha=UserList([UserList([1, "inf"])]))
    np.testing.assert_array_equal(other.alpha, [[1, inf]])


def test_parameters_beside_a_spec_replace_its_own():
    expected = QPseudoSpike(3, dampening=2)
    assert get_surrogate("QPseudoSpike(alpha=1, dampening=2)", alpha=3) == expected
    spec = {"name": "QPseudoSpike", "alpha": 1, "dampening": 2}
    assert get_surrogate(spec, alpha="3") == expected
    assert spec["alpha"] == 1
    assert get_surrogate(QPseudoSpike, alpha=3, scale="1 V") == QPseudoSpike(3, scale=u.volt)


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        (
            {"name": "sigmoid", "alpha": 2.0, "scale": "15 mV"},
            Scaled(Sigmoid(2.0), scale=15 * u.mV),
        ),
        ("snntorch.atan(dampening=0.4)", Scaled(Arctan(2.0), dampening=0.4)),
    ],
)
def test_what_only_scaled_takes_is_told_with_the_call_that_takes_it(spec, same):
    with pytest.raises(TypeError, match=r"\. Call it as .*\(alpha=.*\), or as Scaled\(") as caught:
        get_surrogate(spec)
    assert get_surrogate(str(caught.value).partition(", or as ")[2]) == same


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1e3", 1e3), ("+.5", 0.5), ("2", 2), ("-inf", -inf), ("9" * 15, 10**15 - 1),
        ("9" * 16, 1e16), ("2nd order", "2nd order"), ("10%", "10%"), ("1/2", "1/2"), ("mV", "mV"),
        ("15 elephants", "15 elephants"), ("", ""),
    ],
)  # fmt: skip
def test_text_is_a_number_where_it_can_only_be_one_and_the_default_is_no_text(text, read):
    register_surrogate(Holder)
    built = get_surrogate("Holder", required=text, text=text)
    assert (built.required, built.text) == (read, text)
    assert type(built.required) is type(read)
    np.testing.assert_array_equal(get_surrogate("Holder", required=[text]).required, [read])


def test_any_number_of_arguments_is_read():
    @register_surrogate
    class Variadic(Surrogate):
        def __init__(self, *args, **kwargs):
            self.args, self.kwargs = args, kwargs

    built = get_surrogate("Variadic('1 mV', 2, a='inf', b='2nd')")
    assert built.args == (1 * u.mV, 2)
    assert built.kwargs == {"a": inf, "b": "2nd"}


@pytest.mark.parametrize(
    "inner", ["QPseudoSpike(3)", {"name": "q_pseudo_spike", "alpha": "3"}, QPseudoSpike(3)]
)
def test_a_parameter_annotated_as_a_surrogate_takes_a_spec(inner):
    register_surrogate(Halved)
    for built in (
        get_surrogate("Halved", surrogate=inner, other=inner),
        get_surrogate({"name": "Halved", "surrogate": inner, "other": inner}),
        get_surrogate(Halved, surrogate=inner, other=inner),
    ):
        assert built.surrogate == built.other == QPseudoSpike(3)
    assert get_surrogate("Halved(Halved(Sigmoid(2)))").surrogate.surrogate.alpha == 2


# Back


def through_json(surrogate):
    return get_surrogate(json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False)))


@pytest.mark.parametrize(
    ("surrogate", "written"),
    [
        (QPseudoSpike(inf), {"alpha": "inf"}),
        (QPseudoSpike(np.float32(0.5)), {"alpha": 0.5}),
        (QPseudoSpike(scale=3), {"alpha": 2.0, "scale": 3.0}),
        (QPseudoSpike(scale=15 * u.mV / u.ms), {"alpha": 2.0, "scale": "15.0 mV / ms"}),
        (QPseudoSpike(scale=2 * u.mV**0.5), {"alpha": 2.0, "scale": "2.0 mV^0.5"}),
        (QPseudoSpike(dampening=0.1 + 0.2), {"alpha": 2.0, "dampening": 0.1 + 0.2}),
        (QPseudoSpike(residual_dtype=jnp.bfloat16), {"alpha": 2.0, "residual_dtype": "bfloat16"}),
    ],
)
def test_what_is_written(surrogate, written):
    assert surrogate_spec(surrogate) == {"name": "QPseudoSpike", **written}
    assert through_json(surrogate) == surrogate


def test_a_call_reads_as_one_would_write_it():
    assert call_text(QPseudoSpike(8)) == "QPseudoSpike(alpha=8)"
    scaled = Scaled(braintools.surrogate.QPseudoSpike(0.5), scale=15 * u.mV)
    inner = "'braintools:QPseudoSpike(alpha=0.5)'"
    assert call_text(scaled) == f"Scaled(surrogate={inner}, scale='15.0 mV')"
    assert get_surrogate(call_text(scaled)) == get_surrogate(repr(scaled)) == scaled


def test_arrays_come_back_with_the_same_numbers():
    numbers = np.array([[0.5, 2.5, inf]], np.float32)
    for alpha in (numbers, jnp.asarray(numbers)):
        surrogate = QPseudoSpike(alpha, scale=np.array([1.0, 2.5, 4.0]) * u.mV)
        spec = {"name": "QPseudoSpike", "alpha": [[0.5, 2.5, "inf"]], "scale": "[1.0, 2.5, 4.0] mV"}
        assert surrogate_spec(surrogate) == spec
        back = through_json(surrogate)
        np.testing.assert_array_equal(back.alpha, numbers)
        np.testing.assert_array_equal(back.scale.to_decimal(u.mV), [1.0, 2.5, 4.0])


def test_text_comes_back_where_the_default_is_text():
    @register_surrogate
    class Named(Surrogate):
        def __init__(self, kind="first"):
            self.kind = kind

    for text in ("2nd", "1e5", "15 mV", ""):
        assert through_json(Named(text)).kind == text


def test_keyword_only_parameters_are_left_out_at_their_default():
    arrays = np.array([1.0, 2.0]), np.array([1.0, 2.0]) * u.mV

    @register_surrogate
    class Arrays(Surrogate):
        def __init__(self, *, weights=arrays[0], widths=arrays[1], mode=len):
            self.weights, self.widths, self.mode = weights, widths, mode

    assert surrogate_spec(Arrays()) == {"name": "Arrays"}
    other = Arrays(weights=np.array([1.0, 3.0]), widths=np.array([1.0, 2.0]) * u.volt)
    spec = {"name": "Arrays", "weights": [1.0, 3.0], "widths": "[1.0, 2.0] V"}
    assert surrogate_spec(other) == spec


# Under Hypothesis: whatever can be built comes back, and no text does anything but fail


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
