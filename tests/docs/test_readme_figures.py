"""What the README says of time and memory is what the kept results of the benchmarks say."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("cpu-jax-*"))
NUMBER = r"(\d+\.?\d*)"


def measured(folder, suite):
    record = json.loads((folder / f"{suite}.json").read_text())
    return {(m["table"], m["contestant"], m["work"]): m for m in record["measurements"]}


def said(pattern):
    return map(float, re.search(pattern, README).groups())


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_times_of_the_derivative(folder):
    ratios = {
        contestant: m["to_bound"]
        for (table, contestant, _), m in measured(folder, "kernels").items()
        if table == "Vector-Jacobian product"
    }
    low, high, whole, others = said(
        rf"times `x \* ct` \| {NUMBER} to {NUMBER} \| at most {NUMBER} for whole and half alphas, "
        rf"at most {NUMBER} for others"
    )
    for alpha in ("1.7", "2"):
        assert low <= round(ratios[f"braintools QPseudoSpike({alpha})"], 1) <= high
    for alpha in ("0.5", "1", "2", "3", "8", "inf"):
        assert round(ratios[f"QPseudoSpike({alpha})"], 1) <= whole
    assert round(ratios["QPseudoSpike(1.7)"], 1) <= others


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_memory_of_a_training_step(folder):
    measurements = measured(folder, "memory")
    shares = said(
        rf"takes {NUMBER} of the\nplain .* feed-forward network and {NUMBER} in a recurrent"
    )
    for kind, share in zip(("Feed-forward", "Recurrent"), shares, strict=True):
        saved, plain = (
            measurements[f"{kind} training step", name, "256 neurons, 200 steps"]["memory_bytes"]
            for name in ("save_memory", "plain")
        )
        assert round(saved / plain, 2) == share
