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
        rf"in products of arrays \| {NUMBER} to {NUMBER} \| {NUMBER} "
        rf"for alpha 0.5, 1, 1.5 ... 16 or `inf`, else {NUMBER}"
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


def test_memory_and_time_of_long_sequences():
    """In parts and with `save_memory`, relative to the plain step of 5,000 steps."""
    files = sorted((ROOT / "benchmarks" / "results").glob("cpu-jax-*/long_sequences.json"))
    rows = [measured(file) for file in files]
    both, plain = (
        [steps["Training step", name, "5,000 steps"] for steps in rows]
        for name in ("checkpoints and save_memory", "plain")
    )
    times = [m["to_bound"] for m in both]
    memory, fastest, slowest = said(
        rf"over 5,000 steps, .*\| 1 \| {NUMBER}, in {NUMBER} to {NUMBER} of the time"
    )
    assert [round(min(times), 1), round(max(times), 1)] == [fastest, slowest]
    for one, all_stored in zip(both, plain, strict=True):
        assert round(one["memory_bytes"] / all_stored["memory_bytes"], 3) == memory


@kept("long_sequences")
def test_what_the_guide_says_of_long_sequences(file):
    guide = (ROOT / "docs" / "guides" / "memory.md").read_text(encoding="utf-8")
    rows = measured(file)

    def times_less(name, work):
        plain = rows["Training step", "plain", work]["memory_bytes"]
        return plain / rows["Training step", name, work]["memory_bytes"]

    assert "5,000 steps take about 1/80 of\nit, and 10,000 steps about 1/120" in guide
    assert times_less("checkpoints and save_memory", "5,000 steps") == pytest.approx(80, rel=0.05)
    assert times_less("checkpoints and save_memory", "10,000 steps") == pytest.approx(120, rel=0.05)
    if "0.12" in file.parent.name:
        nested = times_less("checkpointed_for_loop and save_memory", "5,000 steps")
        assert "1/95 at 5,000 steps" in guide
        assert round(nested) == 95
