"""What flows print: 80 characters, the lines that end a result, and the ranking."""

import dataclasses
import html
import inspect

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from made_comparison import of
from report_records import flow_of, population

from braintools_qps import compare
from braintools_qps._models import described_inputs
from braintools_qps.records import (
    Diagnosis,
    GradientFlows,
    LearningTrial,
    NormalizedRate,
    NormalizedRates,
    Operations,
    Preparation,
    RelayedPopulation,
    RelayedWeights,
)

TRIAL = LearningTrial(losses=(2.0, 1.5, 0.5), constant=2.0, samples=64)
HEALTHY = Diagnosis("none", None, "It learns.")
CALL = "compare(task=(X, y), model=make)"
WHICH = (  # inputs may be several arrays, or time may come first, or the loss may be an objective
    f"To choose a surrogate: {CALL}, with X of shape (samples, time, features) and y its labels or "
    "targets."
)
LONG = "encoder.blocks.0.layers.neurons"


def flow(diagnosis=HEALTHY, name="model", **options):
    layers = [population(f"{LONG}{n}", rate=0.1 * n) for n in range(3)]
    made = flow_of(name, layers, diagnosis=diagnosis, trial=TRIAL, read="20 steps", **options)
    return dataclasses.replace(made, further=("A word " * 40,))


def widest(text):
    return max(map(len, text.splitlines()))


def test_every_line_of_a_result_fits_into_a_terminal_and_no_column_is_lost():
    silent = Diagnosis("silent", LONG, "It is silent. " * 20, "Do so. " * 20, "line()", (LONG,))
    several = GradientFlows({n: flow(name=n) for n in ("Sigmoid", "QPseudoSpike(alpha=8)")})
    for record in (flow(), flow(silent), several):
        text = repr(record)
        assert widest(text) <= 80
        assert all(name in text for name in ("slope", "growth", "flat", "reach"))
    preparation = Preparation(silent, HEALTHY, ("line()",), 0.03, "20 steps")
    prepared = repr(preparation)
    assert html.unescape(preparation._repr_html_()) == f"<pre>{prepared}</pre>"  # lines stay lines
    assert widest(prepared) <= 80
    code = [line for line in prepared.splitlines() if line[0] != "#"]
    assert code == ["line()", "learning_rate = 0.03"]


ENDLESS = "encoder." + "blocks." * 20 + "neurons"
FAR = Diagnosis(
    "out of reach", ENDLESS, "Why?", "No.", "line()", (ENDLESS,), "flat", "out of reach"
)
LONGEST = [
    flow_of(ENDLESS, [population(ENDLESS)], diagnosis=FAR),
    GradientFlows(
        {n: flow_of(n, [population(ENDLESS)] * 2, diagnosis=FAR) for n in ("A", ENDLESS)}
    ),
    NormalizedRates(0.1, (NormalizedRate(ENDLESS, 0.0, 0.1, 1234.5),)),
    RelayedWeights((RelayedPopulation(ENDLESS, ENDLESS, 123.4, 0.0, 0.1),)),
]


@pytest.mark.parametrize("record", LONGEST, ids=lambda record: type(record).__name__)
def test_no_table_is_wider_than_a_terminal_whatever_the_labels(record):
    assert widest(repr(record)) <= 80


def test_synaptic_operations_are_in_the_wide_table_and_in_the_record():
    made = flow_of(
        "model",
        [dataclasses.replace(population(), operations=Operations(52e3, 12e3, 6000))],
    )
    assert "5.2e+04" not in repr(made) + repr(GradientFlows(model=made))
    assert "operations\n" in made.table(wide=True)
    assert "5.2e+04" in made.table(wide=True)
    assert repr(made) == made.table()
    assert made.to_dict()["populations"][0]["operations"]["synaptic"] == 52e3


def silent(code):
    return Diagnosis("silent", LONG, "It is silent.", "Do so.", code)


LEARNED = dataclasses.replace(flow(), trial=LearningTrial(losses=(0.1,), constant=2.0, samples=64))
TASK = {
    "name": "made", "steps": 16, "features": 8, "unit": "mA",
    "samples": {"train": 1169, "validation": 269, "test": 359},
}  # fmt: skip
ENDS = {  # a result, what it says, and what it does not
    "a change of the model": (
        flow(silent("normalize_rates(model, inputs)")),
        "Next: prepare, with the same arguments, makes this change", "change this,",
    ),
    "a change by the user": (
        flow(silent(None)), "Next: change this, then gradient_flow(model, inputs) again.", "choose"
    ),
    "how it was read and decided": (
        flow(),
        "Inputs: 20 steps. gradient_flow trained a copy for 3 steps of Adam: a network learns if "
        "its loss falls to half of what a constant answer reaches, and slowly if", "?",
    ),
    "healthy": (flow(), f"names a learning rate. {WHICH}", "change"),
    "not tried": (
        dataclasses.replace(flow(), trial=None), "gradient_flow trained nothing: it looked", "Next"
    ),
    "learned": (LEARNED, f"Next: leave it, or train it further. {WHICH}", "prepare"),
    "unknown": (flow(Diagnosis("unknown", None, "Why?", "None helps.")), "None helps.", "Next"),
    "prepared": (
        Preparation(HEALTHY, HEALTHY, (), 0.03, "20 steps"), f"at this learning rate. {WHICH}", "?"
    ),
    "compared": (
        dataclasses.replace(of({"dt": "1.0 ms"}, A=(0.9, 0.8)), task=TASK),
        "Data: 16 time steps of 1.0 ms, 8 features in mA; samples: 1,169 to train, 269 to "
        "validate, 359 to test. comparison.best_surrogate: ", "choose",
    ),
    "compared on an unknown task": (of(A=(0.9, 0.8)), "comparison.best_surrogate: ", "Data:"),
}  # fmt: skip


@pytest.mark.parametrize(("result", "sentence", "other"), ENDS.values(), ids=ENDS)
def test_a_result_ends_with_what_was_read_and_what_to_type(result, sentence, other):
    said = " ".join(str(result).replace("# ", "").split())
    assert sentence in said
    assert other not in said


def test_the_call_of_compare_is_one():
    taken = inspect.signature(compare).bind
    assert eval(CALL, {"compare": taken, "X": 1, "y": 2, "make": 3}).kwargs["task"] == (1, 2)


def test_inputs_are_described_as_they_are_read():
    inputs = {"a": jnp.ones((5, 1, 28, 28, 3)), "b": jnp.ones((5, 1, 1)) * u.mV}
    with brainstate.environ.context(dt=0.5 * u.ms):
        said = "5 time steps of 0.5 ms, 1 sample, 28 x 28 x 3 features and 1 feature in mV"
        assert described_inputs(inputs) == said


# The ranking of candidates


LEARNS, SLOWLY, NEVER = ((2.0, 0.9), (2.0, *[1.5] * 100, 0.9), (2.0, 2.0))


def tried(name, *populations, losses=None):
    """A flow by its trial, and by the growth and the consistency of its populations."""
    made = [
        population(f"layer{i}", np.ones(3), growth=growth, consistency=c)
        for i, (growth, c) in enumerate(populations or [(1.0, 0.5)])
    ]
    trial = losses and LearningTrial(losses, constant=2.0, samples=64)
    return flow_of(name, made, trial=trial)


def by_name(*flows):
    return GradientFlows({flow.name: flow for flow in flows})


FLOWS = by_name(  # named by their rank, which the first two share
    tried("fourth", (1.0, -0.25), (1.0, 0.5)),
    tried("first", (1.05, 0.5), (0.99, 0.5), losses=LEARNS),
    tried("fifth", (np.nan, np.nan), (np.nan, np.nan), losses=NEVER),
    tried("too", (0.9, 0.5), (0.5, 0.5), losses=LEARNS),
    tried("third", (1.0, 0.5), (1.0, 0.5), losses=SLOWLY),
)


def test_candidates_are_ranked_by_their_trials_with_their_populations_below():
    assert [*FLOWS.ranks.items()] == [
        ("first", 1), ("too", 1), ("third", 3), ("fourth", 4), ("fifth", 5),
    ]  # fmt: skip
    text = repr(FLOWS)
    table, _, _ = text[text.index("surrogate ") :].partition("\ngradient_flow trained")
    head, *rows = table.splitlines()
    assert head.split() == "surrogate rank slope growth flat reach consistency".split()
    assert [row.split()[0] for row in rows] == [
        name for candidate in FLOWS.ranks for name in (candidate, "layer0", "layer1")
    ]
    # Of the candidate itself there is the range of its populations.
    assert rows[0].split()[1:] == ["1=", "0.05", "0.990", "to", "1.050", "2+", "0.50"]
    assert rows[1].split()[1:] == ["0.05", "1.050", "25%", "2+", "0.50"]
    candidates = [row.split() for row in rows if row[0] != " "]
    assert [row[1] for row in candidates] == ["1=", "1=", "3", "4", "5"]
    assert candidates[-1][3] == "-"


def test_only_candidates_of_one_rank_share_a_diagnosis():
    slow = Diagnosis("none", None, "It learns slowly.")
    pairs = [("A", LEARNS, HEALTHY), ("B", SLOWLY, slow), ("C", SLOWLY, slow)]
    flows = [dataclasses.replace(tried(n, losses=x), diagnosis=d) for n, x, d in pairs]
    first, second = repr(by_name(*flows)).splitlines()[:2]
    assert (first, second) == ("A: It learns.", "B: It learns slowly. The same with C.")


def test_a_word_marks_the_populations_of_the_cause():
    silent = Diagnosis(
        "silent", "layer0", "", populations=("layer0",), column="rate", word="silent"
    )
    whole = dataclasses.replace(tried("one", (1.0, 0.5), (1.0, 0.5)), diagnosis=silent)
    rows = [line.split()[:3] for line in repr(whole).splitlines() if line.startswith("layer")]
    assert rows[:2] == [["layer0", "0.100", "silent"], ["layer1", "0.100", "0%"]]
    high = dataclasses.replace(silent, cause="high", column="slope", word="high")
    several = by_name(dataclasses.replace(tried("one"), diagnosis=high), tried("other"))
    assert ["one", "1=", "0.05", "high"] in [row.split()[:4] for row in repr(several).splitlines()]
