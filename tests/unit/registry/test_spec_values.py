"""What text, numbers, lists and reprs in a spec stand for, by the parameter that they are for."""

import json

import brainunit as u
import numpy as np
import pytest
from braintools.surrogate import Sigmoid, Surrogate

from braintools_qps import QPseudoSpike, get_surrogate, register_surrogate, surrogate_spec
from braintools_qps._registry import resolution
from braintools_qps._registry.reading import shown

inf = float("inf")


@pytest.fixture(autouse=True)
def _own_registrations(monkeypatch):
    monkeypatch.setattr(resolution, "_registered", {})


class Holder(Surrogate):
    """Takes whatever it is given."""

    def __init__(self, required, number=1.0, *, text="first", either=None, flags=None):
        self.required, self.number = required, number
        self.text, self.either, self.flags = text, either, flags


@pytest.fixture
def _holder():
    register_surrogate(Holder)


def through_json(surrogate):
    return get_surrogate(json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False)))


TEXTS = ["2nd order", "1e5", "10%", "3rd", "inf", "15 mV", "15 elephants", "[1] mV", "", " 2 "]


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text_where_the_default_is_text(text):
    spec = {"name": "Holder", "required": None, "text": text}
    assert get_surrogate(spec).text == text
    assert through_json(get_surrogate(spec)).text == text
    assert get_surrogate(f"Holder(None, text={text!r})").text == text


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize("text", ["2nd order", "10%", "3rd", "15 elephants", "1/2", "mV"])
def test_text_that_is_no_number_stays_text_where_the_parameter_may_hold_text(text):
    spec = {"name": "Holder", "required": text, "either": text}
    built = get_surrogate(spec)
    assert (built.required, built.either) == (text, text)
    assert surrogate_spec(built) == spec | {"number": 1.0}


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1e3", 1000.0), ("+.5", 0.5), ("2", 2), ("-3", -3), ("-inf", -inf), ("1e999", inf)),
        *(("9" * 15, 10**15 - 1), ("9" * 16, 1e16), ("9" * 5000, inf)),
    ],
)
def test_text_that_can_only_be_a_number_is_one(text, number):
    built = get_surrogate("Holder", required=text, number=text, either=[text])
    assert (built.required, built.number) == (number, number)
    assert type(built.number) is type(number)
    np.testing.assert_array_equal(built.either, [number])
    assert get_surrogate({"name": "QPseudoSpike", "alpha": "1e3"}) == QPseudoSpike(1000.0)


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize("text", ["1e3", "2", "inf", "15 mV", "[1] mV"])
def test_text_that_would_be_read_as_a_number_cannot_be_written(text):
    for surrogate in (Holder(text), Holder(None, either=text), Holder(None, number=text)):
        with pytest.raises(TypeError, match=r"cannot be written in a spec: the text would be read"):
            surrogate_spec(surrogate)


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize("text", ["15 mv", "2x", "10%", "1 mV^1e999", "1 " + "(" * 5000])
def test_a_number_with_an_unknown_unit_is_an_error_in_place_of_a_number(text):
    with pytest.raises(ValueError, match="the unit in .* is unknown"):
        get_surrogate("Holder", required=1, number=text)
    with pytest.raises(TypeError, match="the text would be read as a number"):
        surrogate_spec(Holder(1, number=text))


def test_a_surrogate_that_refuses_text_is_not_blamed_for_the_unit():
    with pytest.raises(ValueError, match="the unit in '15 mv' is unknown"):
        get_surrogate("QPseudoSpike(scale='15 mv')")
    with pytest.raises(TypeError, match="scale must be a positive real number"):
        get_surrogate("QPseudoSpike(scale='wide')")


@pytest.mark.usefixtures("_holder")
def test_any_number_of_arguments_is_read():
    @register_surrogate
    class Variadic(Surrogate):
        def __init__(self, *args, **kwargs):
            self.args, self.kwargs = args, kwargs

    built = get_surrogate("Variadic('1 mV', 2, a='inf', b='2nd')")
    assert built.args == (1 * u.mV, 2)
    assert built.kwargs == {"a": inf, "b": "2nd"}


# Arrays as defaults


class Arrays(Surrogate):
    def __init__(self, *, weights=np.array([1.0, 2.0]), widths=np.array([1.0, 2.0]) * u.mV):  # noqa: B008
        self.weights, self.widths = weights, widths


def test_keyword_only_arrays_are_left_out_at_their_default():
    register_surrogate(Arrays)
    assert surrogate_spec(Arrays()) == {"name": "Arrays"}
    other = Arrays(weights=np.array([1.0, 3.0]), widths=np.array([1.0, 2.0]) * u.volt)
    spec = {"name": "Arrays", "weights": [1.0, 3.0], "widths": "[1.0, 2.0] V"}
    assert surrogate_spec(other) == spec
    np.testing.assert_array_equal(through_json(other).weights, [1.0, 3.0])
    assert surrogate_spec(Arrays(weights=1.0)) == {"name": "Arrays", "weights": 1.0}


def test_a_default_that_cannot_be_written_is_left_out():
    @register_surrogate
    class Odd(Surrogate):
        def __init__(self, *, mode=object()):  # noqa: B008
            self.mode = mode

    assert surrogate_spec(Odd()) == {"name": "Odd"}
    assert surrogate_spec(Odd(mode=2)) == {"name": "Odd", "mode": 2}
    with pytest.raises(TypeError, match="mode=<object .* cannot be written"):
        surrogate_spec(Odd(mode=object()))


# Lists without end


def endless():
    values = [1]
    values.append(values)
    return values


def deep(levels=100_000):
    values = 1
    for _ in range(levels):
        values = [values]
    return values


@pytest.mark.usefixtures("_holder")
@pytest.mark.parametrize("make", [endless, deep])
def test_lists_that_contain_themselves_or_go_too_deep_are_refused(make):
    with pytest.raises(ValueError, match=r"of Holder is nested too deeply, or contains itself\. P"):
        get_surrogate({"name": "Holder", "required": make()})
    with pytest.raises(TypeError, match=r"required=\[.*cannot be written .* contains itself"):
        surrogate_spec(Holder(make()))
    with pytest.raises(TypeError, match="a surrogate is chosen by a name"):
        get_surrogate(make())
    with pytest.raises(TypeError, match="names of surrogates and parameters are strings"):
        get_surrogate({"name": make()})


# Surrogates as parameters


class Halved(Surrogate):
    """Half of another surrogate."""

    def __init__(self, surrogate: Surrogate, *, other: "Surrogate" = None):
        self.surrogate, self.other = surrogate, other

    def __repr__(self):
        return f"Halved(surrogate={self.surrogate!r})"


@pytest.mark.parametrize(
    "inner",
    ["QPseudoSpike(3)", {"name": "q_pseudo_spike", "alpha": "3"}, QPseudoSpike(3)],
)
def test_a_parameter_annotated_as_a_surrogate_takes_a_spec(inner):
    register_surrogate(Halved)
    for built in (
        get_surrogate("Halved", surrogate=inner),
        get_surrogate({"name": "Halved", "surrogate": inner, "other": inner}),
        get_surrogate(Halved, surrogate=inner),
    ):
        assert built.surrogate == QPseudoSpike(3)
    built = get_surrogate("Halved", surrogate=inner, other=inner)
    assert built.other == QPseudoSpike(3)


def test_surrogates_in_surrogates_come_back():
    register_surrogate(Halved)
    surrogate = Halved(Halved(QPseudoSpike(inf, scale=15 * u.mV)))
    inner = {"name": "QPseudoSpike", "alpha": "inf", "scale": "15.0 mV"}
    spec = {"name": "Halved", "surrogate": {"name": "Halved", "surrogate": inner}}
    assert surrogate_spec(Halved(surrogate, other=surrogate))["other"] == spec
    assert surrogate_spec(surrogate) == spec
    for back in (through_json(surrogate), get_surrogate(repr(surrogate))):
        assert back.surrogate.surrogate == surrogate.surrogate.surrogate
    assert get_surrogate("Halved(Halved(Sigmoid(2)))").surrogate.surrogate.alpha == 2


def at_depth(frames, function):
    """The result of a function that is called with that much of the stack already in use."""
    return at_depth(frames - 1, function) if frames else function()


@pytest.mark.parametrize("frames", [0, 300, 600])
def test_a_spec_that_contains_itself_is_refused(frames):
    register_surrogate(Halved)
    spec = {"name": "Halved"}
    spec["surrogate"] = spec
    with pytest.raises(ValueError, match="Halved is nested too deeply, or contains itself"):
        at_depth(frames, lambda: get_surrogate(spec))


def nested(levels):
    register_surrogate(Halved)
    return get_surrogate("Halved(" * levels + "'Sigmoid'" + ")" * levels)


def test_fifty_surrogates_in_each_other_are_not_too_many():
    built = nested(50)
    assert surrogate_spec(through_json(built)) == surrogate_spec(built)
    with pytest.raises(TypeError, match="51 surrogates in each other or more cannot be written"):
        surrogate_spec(Halved(built))
    for _ in range(50):
        built = built.surrogate
    assert type(built) is Sigmoid
    with pytest.raises(ValueError, match="is nested too deeply"):
        nested(51)


@pytest.mark.parametrize("frames", [0, 600])
def test_no_spec_is_written_of_a_surrogate_that_contains_itself(frames):
    register_surrogate(Halved)
    built = Halved(Sigmoid())
    built.surrogate = built
    with pytest.raises(TypeError, match="51 surrogates in each other or more cannot be written"):
        at_depth(frames, lambda: surrogate_spec(built))


@pytest.mark.parametrize("argument", ["Sigmoid(2)", "[Sigmoid(2)]", "open('f')"])
def test_a_surrogate_is_refused_where_none_is_asked_for(argument):
    with pytest.raises(ValueError, match=r"with literal arguments.*got '(Sigmoid|open)\(\.\.\.\)'"):
        get_surrogate(f"QPseudoSpike({argument})")


# Units without a name that would be read back


def test_a_quantity_that_would_not_be_read_back_is_refused():
    furlong = u.Unit.create(u.metre.dim, name="furlong", dispname="mV", scale=2)
    assert str(furlong) == "mV"
    with pytest.raises(TypeError, match=r"scale=.*it would not be read back from '1\.0 mV'"):
        surrogate_spec(QPseudoSpike(scale=furlong))


def test_a_quantity_in_an_unknown_unit_is_refused():
    league = u.Unit(u.metre.dim, name="league", dispname="league", scale=3)
    with pytest.raises(TypeError, match=r"scale=.*it would not be read back from '1\.0 league'"):
        surrogate_spec(QPseudoSpike(scale=league))


def test_a_magnitude_of_no_list_is_left_as_text():
    with pytest.raises(ValueError, match="a name or a call with literal arguments"):
        get_surrogate("Sigmoid", alpha="[x] mV")
    assert Sigmoid  # built-in classes keep what they are given


def test_what_an_error_shows_of_a_value_is_not_long():
    assert shown("x" * 198) == repr("x" * 198)
    assert len(shown("x" * 199)) == len(shown(range(10**99, 10**99 + 5))) == 200
    assert len(shown([list(range(9))] * 9)) < 300
