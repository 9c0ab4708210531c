"""What the README says: its blocks run, its output and its figures are those that are kept."""

import json
import re

import brainstate
import numpy as np
import pytest
from helpers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
NEURON, _, DIGITS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)  # between: doctests


def test_the_neuron_has_a_gradient(capsys):
    exec(compile(NEURON, "README.md", "exec"), {})
    (printed,) = re.findall(r"print\(.*  # (\(.*?\))", NEURON)
    assert printed in capsys.readouterr().out


def test_it_is_short_and_its_two_commands_are_marked_for_continuous_integration():
    assert re.findall(r"<!-- ci: (\w+) -->\n```bash\n", README) == ["run", "test"]
    prose = re.sub(r"```.*?```|<!--.*?-->", "", README, flags=re.S)
    assert len(re.sub(r"^\|.*", "", prose, flags=re.M).split()) <= 650


def test_it_links_only_to_pages_that_can_be_read_without_being_built():
    """Numbers that the site fills in would be missing from the others."""
    pages = re.findall(r"\]\((docs/[\w/]+\.md)", README)
    assert pages
    for page in pages:
        assert not re.search(r"{{ \w", (ROOT / page).read_text(encoding="utf-8")), page


def test_the_landing_page_is_short_and_runs_the_same_neuron():
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert len(page.split()) <= 800
    assert f"```{{code-cell}} ipython3\n{NEURON}```" in page


@pytest.mark.thorough
def test_the_network_prints_what_stands_below_it(capsys):
    """Processors and releases may differ in numbers, by a few points in the accuracy."""
    with brainstate.environ.context(), brainstate.random.seed_context(0):
        exec(compile(DIGITS, "README.md", "exec"), {})
    brainstate.environ.pop("dt", None)
    printed = capsys.readouterr().out
    shown = README.partition("<!-- printed")[2].partition("```text\n")[2].partition("```")[0]
    words = lambda text: re.sub(r"[\d.]+", "0", " ".join(text.replace("\n# ", " ").split()))
    assert words(printed) == words(shown)
    accuracies = [int(re.search(r"(\d+)% of the images", text)[1]) for text in (printed, shown)]
    assert abs(accuracies[0] - accuracies[1]) <= 3


def measured(suite):
    """The kept results of a suite by where they were measured."""
    files = sorted((ROOT / "benchmarks" / "results").glob(f"cpu-jax-*/{suite}.json"))
    records = {file.parent.name: json.loads(file.read_text()) for file in files}
    return {
        name: {(m["table"], m["contestant"], m["work"]): m for m in record["measurements"]}
        for name, record in records.items()
    }


@pytest.mark.parametrize("other", ["QPseudoSpike(alpha=2.0)", "QPseudoSpike(alpha=2)"])
def test_speed_of_a_training_step(other):
    from benchmarks.gains import faster, kept

    name = f"braintools {other.replace('alpha=', '')}"
    ratios = [pair for measurements in kept("networks") for pair in faster(measurements, name)]
    cells = re.search(rf"`{re.escape(other)}`.*?\| (.*) \|", README)[1].split(" | ")
    for cell, kind in zip(cells, ("Feed-forward", "Recurrent"), strict=True):
        of_kind = [ratio for (table, _), ratio in ratios if table.startswith(kind)]
        assert cell == f"{min(of_kind):.1f} to {max(of_kind):.1f}"


def test_memory_of_a_training_step_here_and_in_the_guide():
    from benchmarks.gains import shares

    published = sorted(shares("published", "save_memory"))
    said = f"{published[0]:.2f} to {published[-1]:.2f}"
    guide = (ROOT / "docs" / "guides" / "memory.md").read_text(encoding="utf-8")
    middle = f"{np.median(published):.2f}"
    assert f"take {said} of the temporary memory, {middle} in the median" in " ".join(
        README.split()
    )
    assert f"| {said}, median {middle} |" in guide
    steps = sorted(shares("memory", "save_memory"))
    assert f"| {steps[0]:.2f} to {steps[-1]:.2f} |" in guide


def test_memory_of_long_sequences():
    guide = (ROOT / "docs" / "guides" / "memory.md").read_text(encoding="utf-8")
    for name, rows in measured("long_sequences").items():
        release = name.removeprefix("cpu-jax-")
        stored = {
            way: row["memory_bytes"] for (_, way, work), row in rows.items() if work[0] == "5"
        }
        ways = {"checkpoints": "`loop_in_parts`"}
        ways["checkpointed_for_loop"] = (
            f"`brainstate.transform.checkpointed_for_loop`, jax {release}"
        )
        for way, loop in ways.items():
            alone, both = (stored[w] / stored["plain"] for w in (way, f"{way} and save_memory"))
            assert f"| {loop} | {alone:.3f} | {both:.3f} |" in guide
