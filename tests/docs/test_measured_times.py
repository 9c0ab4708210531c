"""Times of training steps, as the guides say them, are in benchmarks/results."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
NUMBERS = r"([\d.]+)\s+to\s+([\d.]+)"
# Page, what it says, the suites of benchmarks that measured it, and the contestant.
SAID = [
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
