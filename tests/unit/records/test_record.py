"""Records: plain values and back, equality, tables."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Surrogate
from report_records import COMPARISON, FLOW

from braintools_qps import QPseudoSpike
from braintools_qps.records import (
    GradientFlows,
    Record,
)


@dataclass(frozen=True, eq=False)
class Inner(Record):
    size: int
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Everything(Record):
    number: float
    maybe: float | None
    steps: int | None
    flag: bool
    text: str
    array: np.ndarray
    pair: tuple[float, float]
    curves: tuple[tuple[float, ...], ...]
    inner: tuple[Inner, ...]
    voltage: float | u.Quantity
    surrogate: Surrogate | Callable[..., Any] | Mapping[str, Any]
    settings: Mapping[str, Any]
    named: Mapping[str, Inner]
    note: str = "none"


# A value of each type, and its documented form, written by hand
FIELDS = {
    "number": (1.5, 1.5),
    "maybe": (None, None),
    "steps": (3, 3),
    "flag": (True, True),
    "text": ("nan", "nan"),
    "array": (np.array([[1.0, math.nan], [math.inf, 2.0]]), [[1.0, "nan"], ["inf", 2.0]]),
    "pair": ((math.nan, -math.inf), ["nan", "-inf"]),
    "curves": (((1.0, 2.0), ()), [[1.0, 2.0], []]),
    "inner": ((Inner(2, np.arange(3)),), [{"size": 2, "values": [0, 1, 2]}]),
    "voltage": (15.0 * u.mV, "15.0 mV"),
    "surrogate": (
        QPseudoSpike(alpha=math.inf, scale=15 * u.mV),
        {"name": "QPseudoSpike", "alpha": "inf", "scale": "15.0 mV"},
    ),
    "settings": ({"deep": {"rate": 0.5, "last": None}}, {"deep": {"rate": 0.5, "last": None}}),
    "named": (
        {"one": Inner(1, np.array([0.5], np.float32))}, {"one": {"size": 1, "values": [0.5]}},
    ),
    "note": ("none", "none"),
}  # fmt: skip
PLAIN = {name: plain for name, (_, plain) in FIELDS.items()}


def everything(**changes) -> Everything:
    return Everything(**{name: value for name, (value, _) in FIELDS.items()} | changes)


def test_round_trip_gives_an_equal_record_with_the_same_types():
    record = everything()
    assert json.loads(record.to_json(), parse_constant=pytest.fail) == record.to_dict() == PLAIN
    back = Everything.from_json(record.to_json())
    assert back == record == Everything.from_dict(PLAIN | {"later": 1})  # no field of ours
    assert hash(back) == hash(record)
    assert record != record.inner[0]
    for name in PLAIN:
        assert type(getattr(back, name)) is type(getattr(record, name)), name
    assert math.isnan(back.pair[0])
    assert back.array.dtype == np.float64
    assert back.inner[0].values.dtype.kind == "i"


def test_a_record_with_other_values_equals_itself_after_json_and_no_other():
    other = everything(
        number=2, maybe=-math.inf, array=jnp.array([[True, False]]), inner=(), voltage=15.0
    )
    assert Everything.from_json(other.to_json()) == other != everything()
    assert everything(settings={}) != everything()


def annealed():
    return QPseudoSpike(alpha=brainstate.ShortTermState(jnp.float32(2.0)))


class Nameless(braintools.surrogate.Sigmoid):
    pass


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (annealed(), None),  # a State has no address in its repr
        (Nameless(), "Nameless(alpha=4.0)"),
        (max, "builtins:max"),
        (json.dumps, "json:dumps"),
        (object(), "<object object>"),
        (jax.random.key(7), None),
    ],
)
def test_what_has_no_spec_is_described_alike_in_every_process(thing, text):
    record = everything(surrogate=thing)
    back = Everything.from_json(record.to_json())
    assert record.to_dict()["surrogate"] == {"repr": text or repr(thing)}
    assert back == record
    assert back.surrogate == {"repr": text or repr(thing)}


def test_a_partial_is_described_with_its_arguments():
    settings = {"model": partial(json.dumps, 1, indent=np.float32(2.0))}
    written = {"repr": "json:dumps", "args": [1], "keywords": {"indent": 2.0}}
    assert everything(settings=settings).to_dict()["settings"] == {"model": written}


def test_a_field_that_is_missing_takes_its_default_or_is_named():
    values = dict(PLAIN)
    del values["note"]
    assert Everything.from_dict(values).note == "none"
    del values["steps"]
    with pytest.raises(ValueError, match="Everything.* missing 1 required .*'steps'"):
        Everything.from_dict(values)
    with pytest.raises(TypeError, match="must be strings to be written, got 1"):
        everything(settings={1: 2}).to_dict()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("number", value) for value in ("1.5", None, True)),
        ("steps", 1.5), ("flag", 1), ("text", 1), ("array", 1.0), ("voltage", "fifteen"),
        ("pair", [1.0]), ("pair", [1.0, 2.0, 3.0]), ("inner", [{"size": 2}]), ("settings", []),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_their_field(field, value):
    with pytest.raises(ValueError, match=rf"Everything\.{field}: "):
        Everything.from_dict(PLAIN | {field: value})


def test_flows_by_name_are_written_as_one_object_and_none_prints_as_a_call():
    flows = GradientFlows({"a<b": FLOW, "c": FLOW})
    assert (
        json.loads(flows.to_json(indent=1)) == flows.to_dict() == {n: FLOW.to_dict() for n in flows}
    )
    assert "<tr><td>a&lt;b</td>" in flows._repr_html_()
    assert repr(GradientFlows()) == "GradientFlows()"
    assert GradientFlows()._repr_html_() is None


def test_a_notebook_shows_what_a_terminal_does():
    told = dataclasses.replace(FLOW, further=("Look at <b>.", "In some."))
    less = dataclasses.replace(told, further=told.further[:1])
    several = GradientFlows({"a": told, "b": told, "c": less})
    for record in (told, several):
        assert record._repr_html_().count("<p>Look at &lt;b&gt;.</p>") == 1
        assert repr(record).count("- Look at <b>.") == 1
    assert "In some." not in repr(several) + several._repr_html_()
    assert "<p>GradientFlow of model: 3 steps</p>" in told._repr_html_()
    assert "<p>Test accuracy after epoch None: mean of 2 seeds" in COMPARISON._repr_html_()
