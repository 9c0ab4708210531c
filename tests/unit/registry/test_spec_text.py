"""Specs: call strings, mappings, classes and instances, and the way back."""

import json
import re

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import GaussianGrad, Sigmoid, Surrogate
from helpers import names_that_build

from braintools_qps import (
    QPseudoSpike,
    get_surrogate,
    register_surrogate,
    surrogate_spec,
)
from braintools_qps._registry import resolution

inf = float("inf")


@pytest.fixture(autouse=True)
def _own_registrations(monkeypatch):
    monkeypatch.setattr(resolution, "_registered", {})


def through_json(surrogate):
    return get_surrogate(json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False)))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("QPseudoSpike()", QPseudoSpike()),
        ("QPseudoSpike(1.5)", QPseudoSpike(1.5)),
        ("QPseudoSpike(alpha=1.5)", QPseudoSpike(1.5)),
        (" q_pseudo_spike ( alpha = 1 , )", QPseudoSpike(1)),
        ("braintools-qps:QPseudoSpike(3)", QPseudoSpike(3)),
        ("QPseudoSpike(alpha=inf)", QPseudoSpike(inf)),
        ("QPseudoSpike('inf', scale='inf mV')", QPseudoSpike(inf, scale=inf * u.mV)),
        ("QPseudoSpike(scale='15 mV')", QPseudoSpike(scale=15 * u.mV)),
        ("QPseudoSpike(scale='.5e-3V')", QPseudoSpike(scale=0.5e-3 * u.volt)),
        ("QPseudoSpike(scale='2 mV / ms')", QPseudoSpike(scale=2 * u.mV / u.ms)),
        ("QPseudoSpike(scale=None)", QPseudoSpike()),
        ("QPseudoSpike(residual_dtype='uint8')", QPseudoSpike(residual_dtype="uint8")),
        ({"name": "QPseudoSpike"}, QPseudoSpike()),
        ({"name": "q_pseudo_spike", "alpha": 1}, QPseudoSpike(1)),
        ({"name": "QPseudoSpike", "alpha": "inf"}, QPseudoSpike(inf)),
        ({"name": "QPseudoSpike", "scale": "15 mV"}, QPseudoSpike(scale=15 * u.mV)),
        (QPseudoSpike, QPseudoSpike()),
    ],
)
def test_specs_of_every_kind(spec, expected):
    assert get_surrogate(spec) == expected


def test_literals_of_every_kind():
    @register_surrogate
    class Holder(Surrogate):
        def __init__(self, a, b=None):
            self.a, self.b = a, b

    values = "[-1, -2.5, -inf, True, 'x', ['15 mV', None], ()]"
    built = get_surrogate(f"Holder({values}, b=-inf)")
    assert built.a == [-1, -2.5, -inf, True, "x", [15 * u.mV, None], []]
    assert built.b == -inf


def test_a_list_of_numbers_is_an_array():
    built = get_surrogate("QPseudoSpike(alpha=[1, 2.5], scale='[10, inf] mV')")
    np.testing.assert_array_equal(built.alpha, [1, 2.5])
    np.testing.assert_array_equal(built.scale.mantissa, [10, inf])
    assert built.scale.unit == u.mV
    nested = get_surrogate({"name": "QPseudoSpike", "alpha": [[1, 2], [3, 4]]})
    np.testing.assert_array_equal(nested.alpha, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "spec",
    [
        "__import__('os').system('x')",
        "QPseudoSpike(alpha=open('f'))",
        "QPseudoSpike(alpha=1 + 1)",
        "QPseudoSpike(alpha=x)",
        "QPseudoSpike(alpha=--1)",
        "QPseudoSpike(alpha=1j)",
        "QPseudoSpike(alpha=b'1')",
        "QPseudoSpike(alpha=...)",
        "QPseudoSpike(alpha={'a': 1})",
        "QPseudoSpike(alpha=[x for x in (1,)])",
        "QPseudoSpike(alpha=f'{1}')",
        "QPseudoSpike(alpha=lambda: 1)",
        "QPseudoSpike(alpha:=1)",
        "QPseudoSpike(*[1])",
        "QPseudoSpike(**{'alpha': 1})",
        "QPseudoSpike(**1)",
        "QPseudoSpike(alpha=1, alpha=2)",
        "QPseudoSpike(alpha=1)(2)",
        "QPseudoSpike(alpha=1).replace(alpha=2)",
        "QPseudoSpike(alpha=1) + 1",
        "Scaled(QPseudoSpike(alpha=1).replace(alpha=2))",
        "Scaled((Sigmoid)[0]())",
        "QPseudoSpike(alpha=1); print()",
        "QPseudoSpike(alpha=1",
        "QPseudoSpike(\0)",
        "QPseudoSpike(alpha=array([[1, 2], [3]]))",
        "QPseudoSpike(alpha=array([1, 2], dtype=zork))",
        "QPseudoSpike(" + "-" * 5000 + "1)",
        "QPseudoSpike(" + "[" * 5000 + "]" * 5000 + ")",
    ],
)
def test_a_string_that_is_not_a_call_with_literals_is_refused(spec):
    with pytest.raises(ValueError, match="a name or a call with literal arguments"):
        get_surrogate(spec)


def test_nothing_in_a_string_is_evaluated(tmp_path):
    file = tmp_path / "written"
    for spec in (
        f"__import__('pathlib').Path({str(file)!r}).touch()",
        f"Sigmoid(open({str(file)!r}, 'w'))",
    ):
        with pytest.raises(ValueError, match="a name or a call"):
            get_surrogate(spec)
    assert not file.exists()


@pytest.mark.parametrize("text", ["15 mv", "15 elephants", "15 mV; import os", "[1, 2] parsec2"])
def test_an_unknown_unit_is_named(text):
    with pytest.raises(ValueError, match=re.escape(f"the unit in {text!r} is unknown")):
        get_surrogate("QPseudoSpike", scale=text)


def test_parameters_beside_a_spec_replace_its_own():
    assert get_surrogate("QPseudoSpike(alpha=1, dampening=2)", alpha=3) == QPseudoSpike(
        3, dampening=2
    )
    assert get_surrogate({"name": "QPseudoSpike", "alpha": 1}, alpha=3) == QPseudoSpike(3)
    assert get_surrogate(QPseudoSpike, alpha=3, scale="1 V") == QPseudoSpike(3, scale=u.volt)


def test_an_instance_is_returned_as_it_is():
    surrogate = QPseudoSpike()
    assert get_surrogate(surrogate) is surrogate
    with pytest.raises(TypeError, match=r"already built.*alpha"):
        get_surrogate(surrogate, alpha=1.0)


@pytest.mark.parametrize("spec", [None, 1.0, len, int, Surrogate.__call__, ["QPseudoSpike"]])
def test_a_spec_of_another_type_is_refused(spec):
    with pytest.raises(TypeError, match="a surrogate is chosen by"):
        get_surrogate(spec)


def test_a_mapping_needs_a_name_and_string_keys():
    with pytest.raises(ValueError, match=r"the key 'name', got the keys \['alpha'\]"):
        get_surrogate({"alpha": 1})
    with pytest.raises(TypeError, match="are strings, got 5"):
        get_surrogate({"name": "QPseudoSpike", 5: 1})
    with pytest.raises(TypeError, match="are strings, got None"):
        get_surrogate({"name": None})


def test_a_mapping_is_left_as_it_was():
    spec = {"name": "QPseudoSpike", "alpha": "inf"}
    get_surrogate(spec)
    assert spec == {"name": "QPseudoSpike", "alpha": "inf"}


@pytest.mark.parametrize("spec", ["Sigmoid(beta=2)", "Sigmoid(1, 2)", "Sigmoid(1, alpha=2)"])
def test_arguments_that_the_surrogate_does_not_take_show_those_it_takes(spec):
    with pytest.raises(TypeError, match=r"argument.*\. The surrogate is Sigmoid\(alpha=4\.0\)"):
        get_surrogate(spec)


@pytest.mark.parametrize("name", names_that_build())
def test_every_surrogate_comes_back_through_json(name):
    surrogate = get_surrogate(name)
    back = through_json(surrogate)
    assert type(back) is type(surrogate)
    assert vars(back) == vars(surrogate)  # braintools 0.3 compares surrogates by identity


def test_parameters_that_are_not_the_default_come_back():
    back = through_json(GaussianGrad(sigma=0.25, alpha=2))
    assert (back.sigma, back.alpha) == (0.25, 2)


@pytest.mark.parametrize(
    ("surrogate", "written"),
    [
        (QPseudoSpike(), {"alpha": 2.0}),
        (QPseudoSpike(inf), {"alpha": "inf"}),
        (QPseudoSpike(np.float32(0.5)), {"alpha": 0.5}),
        (QPseudoSpike(scale=3), {"alpha": 2.0, "scale": 3.0}),
        (QPseudoSpike(scale=u.mV), {"alpha": 2.0, "scale": "1.0 mV"}),
        (QPseudoSpike(scale=inf * u.mV), {"alpha": 2.0, "scale": "inf mV"}),
        (QPseudoSpike(scale=15 * u.mV / u.ms), {"alpha": 2.0, "scale": "15.0 mV / ms"}),
        (QPseudoSpike(dampening=0.3), {"alpha": 2.0, "dampening": 0.3}),
        (QPseudoSpike(residual_dtype=jnp.bfloat16), {"alpha": 2.0, "residual_dtype": "bfloat16"}),
    ],
)
def test_ours_with_every_parameter(surrogate, written):
    assert surrogate_spec(surrogate) == {"name": "QPseudoSpike", **written}
    assert through_json(surrogate) == surrogate


@pytest.mark.parametrize("unit", [u.mV**2, u.mV**0.5, 1 / u.mV, u.mV / u.nA / u.ms, u.Mohm * u.mA])
def test_compound_units_come_back(unit):
    surrogate = QPseudoSpike(scale=2.0 * unit)
    assert through_json(surrogate) == surrogate


def test_arrays_come_back_with_the_same_numbers():
    surrogate = QPseudoSpike(jnp.array([[1.0, inf]]), scale=np.array([1.0, 2.5]) * u.mV)
    spec = surrogate_spec(surrogate)
    assert spec == {
        "name": "QPseudoSpike",
        "alpha": [[1.0, "inf"]],
        "scale": "[1.0, 2.5] mV",
    }
    back = through_json(surrogate)
    np.testing.assert_array_equal(back.alpha, [[1.0, inf]])
    np.testing.assert_array_equal(back.scale.to_decimal(u.mV), [1.0, 2.5])


def test_a_state_cannot_be_written():
    with pytest.raises(TypeError, match=r"(?s)alpha=.*cannot be written"):
        surrogate_spec(QPseudoSpike(brainstate.State(2.0)))


@pytest.mark.parametrize("unit", [1.0, u.mV])
def test_a_traced_value_cannot_be_written(unit):
    with pytest.raises(TypeError, match=r"scale=.*cannot be written"):
        jax.jit(lambda scale: surrogate_spec(QPseudoSpike(scale=scale * unit)))(1.0)


@pytest.mark.parametrize("value", ["15 mV", "inf", object(), {1}])
def test_what_would_be_read_as_something_else_cannot_be_written(value):
    surrogate = Sigmoid()
    surrogate.alpha = value
    with pytest.raises(TypeError, match=r"alpha=.*cannot be written"):
        surrogate_spec(surrogate)


def test_a_surrogate_that_does_not_keep_its_parameters_says_what_to_do():
    @register_surrogate
    class Forgetful(Surrogate):
        def __init__(self, width):
            pass

    with pytest.raises(TypeError, match=r"Set self\.width = width"):
        surrogate_spec(Forgetful(1))


def test_a_parameter_called_name_cannot_be_written():
    @register_surrogate
    class Named(Surrogate):
        def __init__(self, name="x"):
            self.name = name

    with pytest.raises(TypeError, match=r"name='x' cannot be written"):
        surrogate_spec(Named())


@pytest.mark.parametrize("wrong", [QPseudoSpike, "QPseudoSpike", None])
def test_only_surrogates_have_a_spec(wrong):
    with pytest.raises(TypeError, match="takes a Surrogate"):
        surrogate_spec(wrong)
