"""Records: plain values, equality, tables."""

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


def test_each_type_is_written_as_documented():
    record = everything()
    assert json.loads(record.to_json(), parse_constant=pytest.fail) == record.to_dict() == PLAIN


def test_a_record_equals_one_with_the_same_values_and_no_other():
    record, same = everything(), everything(array=np.array([[1.0, math.nan], [math.inf, 2.0]]))
    assert record == same
    assert hash(record) == hash(same)
    assert record != record.inner[0]
    assert record != everything(array=jnp.array([[True, False]]))
    assert record != everything(settings={})


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
    assert everything(surrogate=thing).to_dict()["surrogate"] == {"repr": text or repr(thing)}


def test_a_partial_is_described_with_its_arguments():
    settings = {"model": partial(json.dumps, 1, indent=np.float32(2.0))}
    written = {"repr": "json:dumps", "args": [1], "keywords": {"indent": 2.0}}
    assert everything(settings=settings).to_dict()["settings"] == {"model": written}


def test_keys_are_strings():
    with pytest.raises(TypeError, match="must be strings to be written, got 1"):
        everything(settings={1: 2}).to_dict()


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
    page = COMPARISON._repr_html_()
    order = (COMPARISON.convergence, "<table>", "<p>Test accuracy after epoch None: mean of 2")
    assert [*map(page.index, order)] == sorted(map(page.index, order))
