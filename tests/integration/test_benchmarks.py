"""The benchmark harness: its statistics, its honesty about failures, and one tiny run."""

import json
import math
import re
import subprocess
import sys

import jax
import pytest
from helpers import ROOT

from benchmarks import peer_worker
from benchmarks.harness import Case, Ready, Settings, measure, sampler
from benchmarks.report import markdown

FACTS = dict(
    date="today", device="cpu", processor="P", cores=2, load=0.0, python="3",
    versions={"jax": "0.10.2"},
)  # fmt: skip


def taking(*seconds):
    """A contestant whose samples are known."""
    samples = iter(seconds)
    return lambda: Ready(lambda: next(samples), compile_s=0.5, memory_bytes=2_000_000)


def broken():
    raise ValueError("not today")


def breaks_when_run():
    return Ready(broken)


def broken_sampler():
    return Ready(sampler(broken), memory_bytes=2_000_000)


def test_quartiles_and_ratios_by_hand():
    # The machine slows down threefold; ratios within a round do not notice.
    contestants = {"bound": taking(1, 2, 3), "slow": taking(2, 4, 6), "other": taking(4, 4, 30)}
    case = Case("table", "work", contestants, bound="bound", baseline="slow")
    bound, slow, other = measure(case, Settings(rounds=3))
    assert slow.quartiles_s == (3, 4, 5)
    assert (bound.to_bound, slow.to_bound, other.to_bound) == (1, 2, 4)
    assert (bound.to_baseline, slow.to_baseline, other.to_baseline) == (0.5, 1, 2)
    assert slow.rounds == 3


@pytest.mark.parametrize("failing", [broken, breaks_when_run])
def test_a_failure_is_recorded_and_stops_nobody_else(failing):
    case = Case("table", "work", {"good": taking(1, 1, 1), "bad": failing}, bound="bad")
    good, bad = measure(case, Settings(rounds=3))
    assert bad.error == "ValueError: not today"
    assert good.quartiles_s == (1, 1, 1)
    assert good.to_bound is None
    assert "failed: ValueError: not today" in markdown("Title.", FACTS, [good, bad])


@pytest.mark.parametrize(("of_all", "of_the_case"), [(0.0, {}), (9.0, {"seconds": 0.0})])
def test_rounds_stop_when_the_time_is_over(of_all, of_the_case):
    case = Case("table", "work", {"only": taking(*range(1, 100))}, **of_the_case)
    (only,) = measure(case, Settings(rounds=50, seconds=of_all))
    assert only.rounds == 3


def test_without_rounds_nothing_is_called():
    """What is compiled has its memory all the same, and a busy machine does not matter."""
    case = Case("table", "work", {"b": broken_sampler, "c": broken_sampler}, bound="b")
    measurements = measure(case, Settings(rounds=0))
    assert [m.memory_bytes for m in measurements] == [2_000_000] * 2
    assert measurements[1].quartiles_s is measurements[1].to_bound is None
    page = markdown("Title.", FACTS | {"load": 9.0}, measurements)
    assert "| work | c | 2 MB |" in page
    assert "provisional" not in page


def test_a_page_has_the_share_above_the_bound_and_says_whether_the_machine_was_busy():
    case = Case("table", "work", {"b": taking(1, 1, 1), "s": taking(4, 4, 4)}, bound="b")
    times = measure(case, Settings(rounds=3))
    page = markdown("Title.\n\nText.", FACTS, times)
    row = r"| work | s | 4 s | 4 s to 4 s | CORES | 4.00 | 75% | 500 ms | 2 MB |"
    assert re.search(re.escape(row).replace("CORES", r"\d\.\d"), page)
    assert "to braintools" not in page
    assert "provisional" not in page
    assert "provisional" in markdown("Title.", FACTS | {"load": 1.1}, times)


def test_a_network_that_does_not_spike_is_not_compared(monkeypatch):
    silent = lambda task: (lambda: math.log(task.neurons), 0)  # all logits are alike
    monkeypatch.setitem(peer_worker.CONTESTANTS, "silent", silent)
    with pytest.raises(RuntimeError, match="second layer"):
        next(peer_worker.answers("silent", peer_worker.Task(16, 20, 4)))


@pytest.mark.thorough
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="small only on a CPU")
def test_the_command_for_an_accelerator_runs_small_on_a_cpu(tmp_path):
    command = "-m benchmarks accelerator --quick --elements 1000 --rounds 3 --to".split()
    run = [sys.executable, *command, str(tmp_path)]
    page = subprocess.run(run, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    record = json.loads((tmp_path / "accelerator.json").read_text())
    assert "skipped" in record["environment"]["tests"]
    measured = {m["contestant"]: m for m in record["measurements"]}
    ours = [m for name, m in measured.items() if name.startswith("brain")]
    assert len(ours) > 6
    assert all(m["to_bound"] > 0 and not m["error"] for m in ours)
    assert measured["QPseudoSpike(2)"]["memory_bytes"] == 3 * 4 * 1_000
    assert "## Vector-Jacobian product by size" in page
