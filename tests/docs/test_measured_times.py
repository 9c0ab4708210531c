"""Times of training steps, as the README and the guides say them, are in benchmarks/results."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README, GUIDES = ROOT / "README.md", ROOT / "docs" / "guides"
NUMBERS = r"([\d.]+)\s+to\s+([\d.]+)"
TIMES = rf"{NUMBERS}\s+(?:times the processor time )?in"
# Page, what it says, the suites of benchmarks that measured it, and the contestant.
SAID = [
    (README, f"{TIMES} spyx", "peers accelerator", "spyx"),
    (README, f"{TIMES} SpikingJelly", "peers accelerator", "SpikingJelly"),
    (README, f"{TIMES} snnTorch", "peers", "snnTorch"),
    (README, f"{TIMES} jaxpike", "peers", "jaxpike, scan_unroll=1"),  # as it is fastest on a CPU
    *(
        (GUIDES / "devices.md", rf"`{unroll}`\s+took\s+{NUMBERS}\s+times", "accelerator",
         f"braintools_qps, {unroll}")
        for unroll in ("unroll=4", "unroll=8")
    ),
    (GUIDES / "recipes.md", rf"trains\s+{NUMBERS}\s+times\s+as\s+fast", "convolutions",
     "one step at a time"),
    (GUIDES / "recipes.md", rf"takes\s+{NUMBERS}\s+times\s+as\s+long", "convolutions",
     "one step at a time, as products"),
]  # fmt: skip


def measured(suite):
    for file in (ROOT / "benchmarks" / "results").glob(f"cpu-jax-*/{suite}.json"):
        yield from json.loads(file.read_text())["measurements"]


@pytest.mark.parametrize(("page", "sentence", "suites", "contestant"), SAID)
def test_the_lowest_and_the_highest_time_are_said(page, sentence, suites, contestant):
    times = [
        row["to_bound"]
        for suite in suites.split()
        for row in measured(suite)
        if row["contestant"] == contestant and row["table"].endswith("raining step")
    ]
    (said,) = re.findall(sentence, page.read_text("utf-8"))
    assert [*map(float, said)] == [round(min(times), 1), round(max(times), 1)]
