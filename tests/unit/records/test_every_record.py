"""Every record is written as JSON; a comparison is read back, or refused."""

import copy
import dataclasses
import json
import random
import re
import warnings

import pytest
from helpers import thorough
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
    more = {"tune": TUNE, "margin": 1.0, "most_seeds": 40}
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
    assert back.results[0].scores.best_epoch == made.results[0].scores.best_epoch


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


def written(values):
    """As JSON, with what `change` nests: the encoder itself takes no deep values."""
    text = json.dumps(values)
    return re.sub('"nested ([0-9]+)"', lambda m: "[" * int(m[1]) + "]" * int(m[1]), text)


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
        parent[key] = f"nested {rng.choice((1, 2, 50, 3000))}"
    else:
        parent[key] = rng.choice(OTHERS)
    return values


@pytest.mark.parametrize("seed", [0, thorough(1), thorough(2)])
def test_a_file_that_was_changed_is_a_comparison_that_prints_or_one_error(seed):
    rng, plain = random.Random(seed), rich().to_dict()
    shown = refused = 0
    for _ in range(60):
        text = written(change(plain, rng))
        if rng.random() < 0.1:
            text = text[: rng.randrange(len(text))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # scores of 1e308
            try:
                again = Comparison.from_json(text)
            except ValueError:
                refused += 1
                continue
            again.to_json(), repr(again), again._repr_html_()
            for result in again.ranked:
                repr(result), repr(result.tuning)
        shown += 1
    assert shown > 6
    assert refused > 6


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1" * 5000, "[" * 100_000, '{"a": 1}'])
def test_a_text_that_is_no_comparison_is_refused(text):
    with pytest.raises(ValueError, match="from the JSON that compare wrote"):
        Comparison.from_json(text)


def test_a_file_of_another_version_is_refused():
    with pytest.raises(ValueError, match="the format 'braintools_qps.comparison/3', and this"):
        Comparison.from_json(rich().to_json().replace("comparison/4", "comparison/3"))
