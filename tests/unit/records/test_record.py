"""Records: plain values, equality, tables; a comparison is read back from JSON, or refused."""

import copy
import dataclasses
import json
import math
from functools import partial
from typing import Any

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_comparison import candidate, compared, tuned
from report_records import COMPARISON, FLOW, flow_of, population

from braintools_qps import Comparison, QPseudoSpike, records
from braintools_qps.records import Diagnosis, GradientFlows, Operations, Record


@dataclasses.dataclass(frozen=True, eq=False)
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
    [  # a State has no address in its repr
        (annealed(), None), (Nameless(), "Nameless(alpha=4.0)"), (max, "builtins:max"),
        (json.dumps, "json:dumps"), (object(), "<object object>"), (jax.random.key(7), None),
    ],
)  # fmt: skip
def test_what_has_no_spec_is_described_alike_in_every_process(thing, text):
    assert Holder(thing).to_dict()["value"] == {"repr": text or repr(thing)}


def test_a_partial_is_described_with_its_arguments_and_keys_must_be_strings():
    written = {"repr": "json:dumps", "args": [1], "keywords": {"indent": 2.0}}
    assert Holder(partial(json.dumps, 1, indent=np.float32(2.0))).to_dict() == {"value": written}
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


SCORES = (0.9, 0.91, 0.9, 0.92, 0.89)
TUNE = {"learning_rate": [0.1, 0.3], "dampening": [1.0, 0.5]}


def rich():
    """A comparison with everything in it."""
    return compared(
        tuned("A", SCORES, flags={"nan": 1}),
        tuned("B", SCORES[::-1], 1),
        candidate("C", SCORES, 2, tuned_spec={}),
        candidate("D", (), 3, error="ValueError: no"),
        notes=("All is constant.",),
        environment={"device": "cpu"},
        settings={"tune": TUNE},
    )


def parts(record):
    """A record and those in its fields."""
    yield record
    for value in vars(record).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Record):
                yield from parts(item)


SILENT = Diagnosis("silent", "lif", "lif is silent.", "Raise the weights.", "weights *= 2")
POPULATION = dataclasses.replace(population(), operations=Operations(52e3, 12e3, 6000))
TRIED = dataclasses.replace(
    flow_of("model", [POPULATION], diagnosis=SILENT, further=("So.",)),
    surrogate=QPseudoSpike(),
    trial=records.LearningTrial((2.3, 1.9, 1.1), 2.3, 64),
)
CHANGES = "weights *= 2", "optimizer.lr = 0.1"
WHOLE = (
    rich(),
    TRIED,
    records.NormalizedRates(0.1, (records.NormalizedRate("lif", 0.004, 0.1, 2.5),)),
    records.Preparation(SILENT, SILENT, CHANGES, 0.03, "5 steps"),
    records.RelayedWeights((records.RelayedPopulation("lif2", "lif1", 12.6, 0.0, 0.1),)),
    records.SavedMemory({"lif": "LIF"}, {"out": "no spikes"}),
)
RECORDS = {type(part).__name__: part for record in WHOLE for part in parts(record)}
every_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)


@every_record
def test_a_record_is_written_as_strict_json_equals_its_copy_and_prints(record):
    copied = copy.deepcopy(record)
    assert json.loads(record.to_json(), parse_constant=pytest.fail) == copied.to_dict()
    assert copied == record
    assert hash(copied) == hash(record)
    assert repr(copied) == repr(record)
    assert record._repr_html_().startswith("<")


def test_a_comparison_comes_back_from_json_and_prints_the_same():
    made = rich()
    back = Comparison.from_json(made.to_json(indent=1))
    assert back == made
    assert repr(back) == repr(made)
    assert back.results[0].tuning.trials == made.results[0].tuning.trials


def test_no_record_is_missing_here():
    kinds = {name: vars(records)[name] for name in records.__all__}
    known = {n for n, kind in kinds.items() if issubclass(kind, Record) and kind is not Record}
    assert RECORDS.keys() == known


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"a": 1}'])
def test_a_text_that_is_no_comparison_is_refused(text):
    with pytest.raises(ValueError, match="from the JSON that compare wrote"):
        Comparison.from_json(text)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("seeds", ["a"]), ("candidates", None), ("results", {"a": 1}), ("settings", {"tune": 7}),
        ("label", 7), ("scores", None), ("scores", {"test": "text"}), ("setting", [1]),
        ("curves", {"loss": [1.0]}), ("tuning", {"trials": [], "chosen": [9]}),
        ("format", "braintools_qps.comparison/3"),  # of an earlier version
    ],
)  # fmt: skip
def test_a_comparison_that_was_changed_is_refused_where_it_cannot_be_shown(where, value):
    values = json.loads(rich().to_json())
    (values if where in values else values["results"][0])[where] = value
    said = "the format '.*/3', and this" if where == "format" else "the JSON that compare wrote"
    with pytest.raises(ValueError, match=said):
        Comparison.from_json(json.dumps(values))
