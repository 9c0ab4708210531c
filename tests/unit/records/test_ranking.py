"""The ranking of candidates, on made-up flows."""

import dataclasses

import numpy as np
from report_records import flow_of, population

from braintools_qps.records import Diagnosis, GradientFlows, LearningTrial

LEARNS, SLOWLY, NEVER = ((2.0, 0.9), (2.0, *[1.5] * 100, 0.9), (2.0, 2.0))


def flow(name, *populations, losses=None):
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
    flow("fourth", (1.0, -0.25), (1.0, 0.5)),
    flow("first", (1.05, 0.5), (0.99, 0.5), losses=LEARNS),
    flow("fifth", (np.nan, np.nan), (np.nan, np.nan), losses=NEVER),
    flow("too", (0.9, 0.5), (0.5, 0.5), losses=LEARNS),
    flow("third", (1.0, 0.5), (1.0, 0.5), losses=SLOWLY),
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


def test_a_word_marks_the_populations_of_the_cause():
    silent = Diagnosis(
        "silent", "layer0", "", populations=("layer0",), column="rate", word="silent"
    )
    whole = dataclasses.replace(flow("one", (1.0, 0.5), (1.0, 0.5)), diagnosis=silent)
    rows = [line.split()[:3] for line in repr(whole).splitlines() if line.startswith("layer")]
    assert rows[:2] == [["layer0", "0.100", "silent"], ["layer1", "0.100", "0%"]]
    high = dataclasses.replace(silent, cause="high", column="slope", word="high")
    several = by_name(dataclasses.replace(flow("one"), diagnosis=high), flow("other"))
    assert ["one", "1=", "0.05", "high"] in [row.split()[:4] for row in repr(several).splitlines()]
