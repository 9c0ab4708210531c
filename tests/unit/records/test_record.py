"""Records: plain values, equality, tables."""

from __future__ import annotations

import dataclasses
import json
import math
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
from report_records import COMPARISON, FLOW

from braintools_qps import QPseudoSpike
from braintools_qps.records import GradientFlows, Record


@dataclass(frozen=True, eq=False)
class Holder(Record):
    """A record of anything."""

    value: Any


# A value of each type, and its documented form, written by hand
DOCUMENTED = {
    "numbers": ((1.5, 3, True, None, "nan"), [1.5, 3, True, None, "nan"]),
    "not finite": ((math.nan, -math.inf), ["nan", "-inf"]),
    "array": (np.array([[1.0, math.nan], [math.inf, 2.0]]), [[1.0, "nan"], ["inf", 2.0]]),
    "quantity": (15.0 * u.mV, "15.0 mV"),
    "surrogate": (
        QPseudoSpike(alpha=math.inf, scale=15 * u.mV),
        {"name": "QPseudoSpike", "alpha": "inf", "scale": "15.0 mV"},
    ),
    "mapping": ({"deep": {"rate": 0.5, "last": ()}}, {"deep": {"rate": 0.5, "last": []}}),
    "records": (
        (Holder(np.arange(2)), {"one": Holder(np.float32(0.5))}),
        [{"value": [0, 1]}, {"one": {"value": 0.5}}],
    ),
}


@pytest.mark.parametrize(("value", "written"), DOCUMENTED.values(), ids=DOCUMENTED)
def test_each_type_is_written_as_documented(value, written):
    record = Holder(value)
    assert json.loads(record.to_json(), parse_constant=pytest.fail) == record.to_dict()
    assert record.to_dict() == {"value": written}


def test_a_record_equals_one_with_the_same_values_and_no_other():
    record, same = (Holder({"array": np.array([1.0, math.nan]), "text": "a"}) for _ in range(2))
    assert record == same
    assert hash(record) == hash(same)
    for other in (Holder({}), Holder({"array": jnp.array([True, False]), "text": "a"}), FLOW):
        assert record != other


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
    assert Holder(thing).to_dict()["value"] == {"repr": text or repr(thing)}


def test_a_partial_is_described_with_its_arguments():
    written = {"repr": "json:dumps", "args": [1], "keywords": {"indent": 2.0}}
    assert Holder(partial(json.dumps, 1, indent=np.float32(2.0))).to_dict() == {"value": written}


def test_keys_are_strings():
    with pytest.raises(TypeError, match="must be strings to be written, got 1"):
        Holder({1: 2}).to_dict()


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
