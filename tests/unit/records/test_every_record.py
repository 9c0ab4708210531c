"""Every record is written as JSON; a comparison is read back, or refused."""

import copy
import dataclasses
import json

import pytest
from made_comparison import candidate, compared, tuned
from report_records import flow_of, population

from braintools_qps import Comparison, QPseudoSpike, records
from braintools_qps.records import (
    Diagnosis,
    LearningTrial,
    NormalizedRate,
    NormalizedRates,
    Operations,
    Preparation,
    Record,
    RelayedPopulation,
    RelayedWeights,
    SavedMemory,
)

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
FLOW = dataclasses.replace(
    flow_of("model", [POPULATION], diagnosis=SILENT, further=("So.",)),
    surrogate=QPseudoSpike(),
    trial=LearningTrial((2.3, 1.9, 1.1), 2.3, 64),
)
WHOLE = (
    rich(),
    FLOW,
    NormalizedRates(0.1, (NormalizedRate("lif", 0.004, 0.1, 2.5),)),
    Preparation(
        SILENT, dataclasses.replace(SILENT, cause="none"), ("weights *= 2",), 0.03, "5 steps"
    ),
    RelayedWeights((RelayedPopulation("lif2", "lif1", 12.6, 0.0, 0.1),)),
    SavedMemory({"lif": "LIF"}, {"out": "no spikes"}),
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
    ],
)  # fmt: skip
def test_a_comparison_that_was_changed_is_refused_where_it_cannot_be_shown(where, value):
    values = json.loads(rich().to_json())
    (values if where in values else values["results"][0])[where] = value
    with pytest.raises(ValueError, match="from the JSON that compare wrote"):
        Comparison.from_json(json.dumps(values))


def test_a_file_of_another_version_is_refused():
    with pytest.raises(ValueError, match="the format 'braintools_qps.comparison/3', and this"):
        Comparison.from_json(rich().to_json().replace("comparison/4", "comparison/3"))
