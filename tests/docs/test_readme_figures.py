"""What the README says of time and memory is what the kept results of the benchmarks say."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NUMBER = r"(\d+\.?\d*)"


def kept(suite):
    """A test for each file of results."""
    files = sorted((ROOT / "benchmarks" / "results").glob(f"cpu-jax-*/{suite}.json"))
    return pytest.mark.parametrize("file", files, ids=lambda file: file.parent.name)


def measured(file):
    record = json.loads(file.read_text())
    return {(m["table"], m["contestant"], m["work"]): m for m in record["measurements"]}


def said(pattern):
    return map(float, re.search(pattern, README).groups())


@kept("kernels")
def test_times_of_the_derivative(file):
    ratios = {
        contestant: m["to_bound"]
        for (table, contestant, _), m in measured(file).items()
        if table == "Vector-Jacobian product"
    }
    low, high, whole, others = said(
        rf"relative to a product of two such arrays \| {NUMBER} to {NUMBER} \| at most {NUMBER} "
        rf"if `alpha` is `inf` or half an integer up to 16, else {NUMBER}"
    )
    for alpha in ("1.7", "2"):
        assert low <= round(ratios[f"braintools QPseudoSpike({alpha})"], 1) <= high
    for alpha in ("0.5", "1", "2", "3", "8", "inf"):
        assert round(ratios[f"QPseudoSpike({alpha})"], 1) <= whole
    assert round(ratios["QPseudoSpike(1.7)"], 1) <= others


def test_relu_grad_is_as_fast():
    """braintools' cheapest surrogate takes as long as ours, within 5% of the slow one's time."""
    assert "`ReluGrad`, is as fast as ours" in README
    files = sorted((ROOT / "benchmarks" / "results").glob("cpu-jax-*/networks.json"))
    for file in files:
        found = measured(file)
        for (table, contestant, work), m in found.items():
            if contestant == "braintools ReluGrad()":
                ours = found[table, "QPseudoSpike(2)", work]
                assert m["to_baseline"] == pytest.approx(ours["to_baseline"], abs=0.05)


@pytest.mark.parametrize("kind", ["Feed-forward", "Recurrent"])
def test_speed_of_a_training_step(kind):
    files = sorted((ROOT / "benchmarks" / "results").glob("cpu-jax-*/networks.json"))
    speeds = [
        1 / m["to_baseline"]
        for file in files
        for (table, contestant, _), m in measured(file).items()
        if table.startswith(kind) and contestant == "QPseudoSpike(2)"
    ]
    row = rf"speed of a LIF training step, {kind.lower()} \| 1 \| {NUMBER} to {NUMBER} \|"
    assert [round(min(speeds), 1), round(max(speeds), 1)] == list(said(row))


@kept("memory")
@pytest.mark.parametrize("kind", ["Feed-forward", "Recurrent"])
def test_memory_of_a_training_step(file, kind):
    measurements = measured(file)
    saved, plain = (
        measurements[f"{kind} training step", name, "256 neurons, 200 steps"]["memory_bytes"]
        for name in ("save_memory", "plain")
    )
    row = rf"memory of the step with `save_memory`, {kind.lower()} \| 1 \| {NUMBER} \|"
    assert [round(saved / plain, 2)] == list(said(row))
