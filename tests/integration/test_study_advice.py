"""The study of the advice: models that are changed before they are trained."""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.study import advice, advised, prepared, saying  # noqa: E402
from benchmarks.study.design import FORWARD, LAYER, ROWS, TWO_KINDS  # noqa: E402
from benchmarks.study.prepared import Change, Start  # noqa: E402
from benchmarks.study.store import Store  # noqa: E402
from braintools_qps import QPseudoSpike  # noqa: E402
from braintools_qps._comparison.model import seeded  # noqa: E402

PLAIN = QPseudoSpike(2.0, scale=1.0)


def made(start, change):
    """The model of a seed, and its weights by name."""
    with seeded(jax.random.key(0), 0):
        model = prepared.prepared(start, change).model(start.surrogate)
    weights = {}
    for name, state, place in prepared.weights_of(model):
        value = state.value
        for key in place:
            value = value[key.key]
        weights[name] = np.asarray(value)
    return model, weights


def test_weights_are_changed_by_name_and_by_what_is_unusual():
    names = [f"layers.{i}.neuron" for i in range(3)]
    low = Change(dict.fromkeys(names, PLAIN.replace(dampening=0.5)))
    louder = Change(low.surrogates, weights={"layers.2.weights.input": 7.0})
    _, plain = made(Start(ROWS, FORWARD, PLAIN), low)
    model, changed = made(Start(ROWS, FORWARD, PLAIN, between=3.0, bias=0.5), louder)
    for layer, factor in (("0", 1), ("1", 3), ("2", 21)):
        weights = f"layers.{layer}.weights"
        assert changed[f"{weights}.input"] == pytest.approx(factor * plain[f"{weights}.input"])
        assert np.all(changed[f"{weights}.bias"] == 0.5)
    assert np.array_equal(plain["readout.weight"], changed["readout.weight"])
    assert model.layers[1].neuron.spk_fun == PLAIN.replace(dampening=0.5)


def test_recurrent_weights_inputs_and_thresholds():
    as_it_is = Change({"neuron": PLAIN})
    _, plain = made(Start(ROWS, LAYER, PLAIN), as_it_is)
    start = Start(ROWS, LAYER, PLAIN, recurrent=5.0, inputs=0.5)
    higher = Change({"neuron": PLAIN}, inputs=4.0, thresholds={"neuron": 0.5})
    model, changed = made(start, higher)
    assert changed["recurrent.weight.weight"] == pytest.approx(5 * plain["recurrent.weight.weight"])
    assert np.array_equal(changed["input.weight.weight"], plain["input.weight.weight"])
    # The threshold lies 1 mV above the reset.
    assert float(model.neuron.V_th.to_decimal(model.neuron.V_reset.unit)) == pytest.approx(1.5)
    bench = prepared.prepared(start, higher)
    before = prepared.prepared(Start(ROWS, LAYER, PLAIN), as_it_is)
    assert bench.task.train.inputs == pytest.approx(2 * before.task.train.inputs)


def test_weights_into_a_population_are_found_by_name():
    """What products take: a bias is added."""
    said = saying.Said(Start(ROWS, TWO_KINDS, PLAIN))
    of = {name: said._input_weights(name) for name in ("layers.0.neuron", "layers.1.neuron")}
    kinds = ("input", "recurrent")
    for number, name in enumerate(of):
        assert sorted(of[name]) == [f"layers.{number}.weights.{kind}" for kind in kinds]


def test_the_growth_passes_one_between_two_factors():
    # From 1/2 at a factor of 2 to 2 at 4: half way, in logarithms.
    assert saying.crossing([1, 2, 4], [0.5, 0.5, 2.0]) == pytest.approx(2**1.5, rel=1e-3)
    assert saying.crossing([1, 2, 4], [0.5, 0.6, 0.7]) == 1


def test_every_case_has_a_key_and_a_name_of_its_own():
    every = list(advice.cases())
    assert len({case.key for case in every}) == len(every)
    assert len({(case.title, advised.model(case.start)) for case in every}) == len(every)


SAID = {
    "silent": "never fire, so",
    "saturated": "fire at almost every step.",
    "out of range": "one with a larger scale, which is wider and lower, or with a fatter tail",
    "no gradient": "One with a larger scale or with a tail is a candidate",
    "overshooting": "Lower the dampening.",
    "proposed": "A candidate to train: with dampening",
    "uneven depth": "times as large as in the next population",
}


@pytest.mark.parametrize("case", list(advice.cases()), ids=lambda case: case.key)
def test_each_case_makes_its_sentence_be_said(case):
    if case.title in SAID:
        assert any(SAID[case.title] in one for one in advised.said(advised.kept(), case))
    assert len(advised.percent(advised.kept(), case)["as it is"]) == len(advice.SEEDS)


def test_gains_are_paired_by_seed():
    scores = {"as it is": np.array([50.0, 60.0, 70.0]), "advised": np.array([52.0, 61.0, 73.0])}
    # Differences of 2, 1 and 3: Student's t of 2 degrees of freedom, 4.3027, times 1 / sqrt(3).
    gain = advised.gains(scores)["advised"]
    assert gain == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-3)


@pytest.mark.thorough
def test_a_case_is_trained_once(tmp_path, monkeypatch):
    case = advice.Case("overshooting", Start(ROWS, LAYER, PLAIN), advice.calmer)
    monkeypatch.setattr(advice, "cases", lambda: iter([case]))
    monkeypatch.setattr(advice, "SEEDS", (0,))
    store = Store(tmp_path / "advice.json")
    advice.train(store)
    found = advised.percent(store, case)
    assert set(found) == {"as it is", "dampening x 0.5", "dampening x 0.25", "reset detached"}
    assert min(found[name][0] for name in found) > 80
    monkeypatch.setattr(advice, "_all", None)  # would fail if it were called
    advice.train(Store(store.path))
