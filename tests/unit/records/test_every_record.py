"""Every record comes back from JSON, and reading refuses what cannot be shown, and nothing else."""

import copy
import dataclasses
import json
import random
import warnings

import pytest
from made_comparison import candidate, compared, tuned
from report_records import flow_of, population

from braintools_qps import Comparison, QPseudoSpike, UnknownSurrogateError, records
from braintools_qps.records import (
    Diagnosis,
    GradientSensitivity,
    Information,
    NormalizedRate,
    NormalizedRates,
    Operations,
    ParameterSensitivity,
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
    more = {"tune": TUNE, "margin": 1.0, "most_seeds": 40, "first_seeds": 5}
    return compared(
        tuned("A", SCORES, flags={"nan": 1}, workers=({"host": "here"},)),
        tuned("B", SCORES[::-1], 1),
        candidate("C", SCORES, 2, tuned_spec={}),
        candidate("D", (), 3, error="ValueError: no"),
        notes=("All is constant.",),
        environment={"device": "cpu"},
        settings=more,
    )


def parts(record):
    """A record and those in its fields."""
    yield record
    for value in vars(record).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Record):
                yield from parts(item)


SILENT = Diagnosis("silent", "lif", "lif is silent.", "Raise the weights.", "weights *= 2")
POPULATION = dataclasses.replace(
    population(), information=0.5, operations=Operations(52e3, 12e3, 6000)
)
TOLD = Information("classes", inputs=0.95, chance=0.1, samples=256)
FLOW = dataclasses.replace(
    flow_of("model", [POPULATION], diagnosis=SILENT, further=("So.",), information=TOLD),
    surrogate=QPseudoSpike(),
)
WHOLE = (
    rich(),
    FLOW,
    GradientSensitivity((ParameterSensitivity("w", 0.5, 1.0),), ("Look at w.",)),
    NormalizedRates(0.1, (NormalizedRate("lif", 0.004, 0.1, 2.5),), ("One.",)),
    Preparation(SILENT, dataclasses.replace(SILENT, cause="none"), ("weights *= 2",)),
    RelayedWeights((RelayedPopulation("lif2", "lif1", 12.6, 0.0, 0.1),)),
    SavedMemory({"lif": "LIF"}, {"out": "no spikes"}),
)
RECORDS = {type(part).__name__: part for record in WHOLE for part in parts(record)}
every_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)


@every_record
def test_a_record_comes_back_from_json_and_prints_the_same(record):
    text = record.to_json()
    back = type(record).from_json(text)
    assert json.loads(text, parse_constant=pytest.fail) == record.to_dict() == back.to_dict()
    assert back == record
    assert hash(back) == hash(record)
    assert repr(back) == repr(record)
    assert back._repr_html_().startswith("<")


def test_no_record_is_missing_here():
    kinds = {name: vars(records)[name] for name in records.__all__}
    known = {n for n, kind in kinds.items() if issubclass(kind, Record) and kind is not Record}
    assert RECORDS.keys() == known


OTHERS = (
    None, True, 0, -1, 7, 10**400, -(10**400), 1e308, -0.5, "nan", "inf", "", "x" * 5000, [], {},
    [[]], [None], [1, 2, 3], {"a": 1}, {"name": "Sigmoid"},
)  # fmt: skip


def places(value, path=()):
    """Paths of all values inside plain values."""
    yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value] if depth % 2 else {"a": value}
    return value


def change(values, rng):
    """Drop, swap, truncate, replace, repeat or nest one value."""
    values = copy.deepcopy(values)
    *path, key = rng.choice([path for path in places(values) if path])
    parent = values
    for step in path:
        parent = parent[step]
    kind = rng.choice(("drop", "swap", "truncate", "other", "other", "other", "repeat", "nest"))
    if kind == "drop":
        del parent[key]
    elif kind == "swap":
        other = rng.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        parent[key], parent[other] = parent[other], parent[key]
    elif kind == "truncate" and isinstance(parent[key], (list, str)):
        parent[key] = parent[key][: len(parent[key]) // 2]
    elif kind == "repeat" and isinstance(parent[key], (list, str)):
        parent[key] = parent[key] * 2
    elif kind == "nest":
        parent[key] = nested(rng.choice((1, 2, 50, 3000)))
    else:
        parent[key] = rng.choice(OTHERS)
    return values


def show(record):
    """All that a record is printed and written as."""
    record.to_json(), repr(record), str(record), record._repr_html_()
    if isinstance(record, Comparison):
        record.table(wide=True)
        record.to_csv()
        for result in record.ranked:
            repr(result), repr(result.tuning)


@every_record
def test_a_changed_record_is_refused_or_can_be_shown(record):
    rng = random.Random(0)
    plain = record.to_dict()
    shown = refused = 0
    for _ in range(120 if isinstance(record, Comparison) else 60):
        changed = change(plain, rng)
        try:
            again = type(record).from_dict(changed)
        except (ValueError, UnknownSurrogateError):
            refused += 1
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # scores of 1e308
            show(again)
        shown += 1
    assert shown > 5
    assert refused > 5


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1" * 5000, "[" * 100_000, '{"a": 1}'])
def test_a_text_that_is_no_record_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 -- of JSON's own words, too
        Comparison.from_json(text)
