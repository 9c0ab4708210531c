"""What pages say of measurements is what benchmarks/results holds."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
DEVICES = " ".join((ROOT / "docs" / "guides" / "devices.md").read_text("utf-8").split())


def test_what_unroll_costs_on_a_cpu():
    """On the page of devices, where nobody has measured what it brings on a GPU."""
    files = sorted(RESULTS.glob("cpu-jax-*/accelerator.json"))
    assert files
    for unroll in (4, 8):
        name = f"braintools_qps, unroll={unroll}"
        steps = [m for file in files for m in json.loads(file.read_text())["measurements"]]
        times = sorted(m["to_bound"] for m in steps if m["contestant"] == name)
        said = re.search(rf"`unroll={unroll}` took ([\d.]+) to ([\d.]+) times", DEVICES)
        assert [*map(float, said.groups())] == [round(times[0], 1), round(times[-1], 1)]


def test_the_page_says_so_as_long_as_nobody_has_measured_a_gpu():
    cards = [file for file in RESULTS.glob("*/accelerator.json") if file.parent.name[:4] != "cpu-"]
    assert ("nobody has run it on a GPU yet" in DEVICES) == (not cards)
