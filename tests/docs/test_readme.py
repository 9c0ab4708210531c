"""What the README says: its blocks run, its output and its figures are those that are kept."""

import inspect
import json
import re
import sys
from pathlib import Path

import brainstate
import pytest

from braintools_qps import Comparison, QPseudoSpike, compare, normalize_surrogate, prepare

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # benchmarks/ is not installed
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEFAULT = ROOT / "docs" / "_static" / "comparison.json"
FIRST, *BLOCKS = [
    block
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    if not block.startswith(">>>")  # which are doctests
]
NUMBER = r"(\d+\.?\d*)"


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block, capsys):
    exec(compile(block, "README.md", "exec"), {})
    for printed in re.findall(r"print\(.*  # (\(.*?\))", block):
        assert printed in capsys.readouterr().out


def test_a_short_trial_names_a_better_rate_than_one_for_all_and_of_these_the_lowest_is_best():
    from benchmarks.study.by_trial import tables

    of, ways = tables(), ("regret", "slow", "usual", "high")
    lost = [float(of[f"trial_held_out_{way}"].partition(" ")[0]) for way in ways]
    assert lost == sorted(lost)


def test_the_start_is_what_the_functions_do_by_default():
    default = lambda function, name: inspect.signature(function).parameters[name].default
    assert default(prepare, "surrogate") == QPseudoSpike(alpha=8)
    assert default(normalize_surrogate, "mean_slope") == 0.1
    assert default(compare, "learning_rate") == 0.01
    assert default(compare, "tune")["mean_slope"] == (0.1,)


def test_its_two_commands_are_marked_for_continuous_integration():
    assert re.findall(r"<!-- ci: (\w+) -->\n```bash\n", README) == ["run", "test"]


def test_it_links_only_to_pages_that_can_be_read_without_being_built():
    """Numbers that the site fills in would be missing from the others."""
    pages = re.findall(r"\]\((docs/[\w/]+\.md)", README)
    assert pages
    for page in pages:
        assert not re.search(r"{{ \w", (ROOT / page).read_text(encoding="utf-8")), page


def test_the_table_is_that_of_the_kept_comparison():
    """`python docs/figures/default_comparison.py results` renews both, and the picture."""
    comparison = Comparison.from_json(DEFAULT.read_text(encoding="utf-8"))
    shown = README.partition("<!-- comparison: ")[2].partition("```text\n")[2].partition("\n```")[0]
    assert str(comparison).startswith(f"{shown}\n")
    assert " ".join(shown.split()).endswith(comparison.verdict)
    assert len(comparison.results) == len(comparison.candidates)


def test_the_verdict_is_the_same_at_twice_the_epochs():
    kept = (DEFAULT, DEFAULT.with_stem("comparison-longer"))
    default, longer = (Comparison.from_json(file.read_text(encoding="utf-8")) for file in kept)
    assert longer.settings == {**default.settings, "epochs": 2 * default.settings["epochs"]}
    assert {result.label for result in longer.tied} == {result.label for result in default.tied}
    guide = (ROOT / "docs" / "guides" / "reading.md").read_text(encoding="utf-8")
    assert f"at {longer.settings['epochs']} epochs the verdict is the same" in guide


def test_the_sentence_on_surrogates_is_that_of_the_study():
    from benchmarks.study.matter import tables

    of, words = tables(), " ".join(README.split())
    for surrogate, name in {"relu": "ReluGrad", "two": "alpha 2", "fat": "alpha 1/2"}.items():
        assert f"{name} {of[f'matter_{surrogate}_tuned']}" in words


def test_the_landing_page_runs_the_same_first_example():
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f"```{{code-cell}} ipython3\n{FIRST}```" in page


@pytest.mark.thorough
def test_the_first_example_prints_what_stands_below_it(capsys):
    """Processors and releases may differ in numbers, by a few points in the accuracy."""
    pytest.importorskip("brainpy", reason="brainpy is not installed")
    with brainstate.environ.context(), brainstate.random.seed_context(0):
        exec(compile(FIRST, "README.md", "exec"), {})
    brainstate.environ.pop("dt", None)
    printed = capsys.readouterr().out
    shown = README.partition("<!-- printed")[2].partition("```text\n")[2].partition("```")[0]
    words = lambda text: re.sub(r"[\d.]+", "0", " ".join(text.replace("\n# ", " ").split()))
    assert words(printed) == words(shown)
    low, high = map(int, re.search(r"got (\d+) to (\d+)%", README).groups())
    (accuracy,) = re.findall(r"(\d+)% of the images", printed)
    assert low - 1 <= int(accuracy) <= high + 1


def measured(suite):
    """The kept results of a suite by where they were measured."""
    files = sorted((ROOT / "benchmarks" / "results").glob(f"cpu-jax-*/{suite}.json"))
    records = {file.parent.name: json.loads(file.read_text()) for file in files}
    return {
        name: {(m["table"], m["contestant"], m["work"]): m for m in record["measurements"]}
        for name, record in records.items()
    }


def said(pattern):
    return [*map(float, re.search(pattern, README).groups())]


def spread(values):
    return [round(min(values), 1), round(max(values), 1)]


def test_speed_of_a_training_step_and_that_relu_grad_is_as_fast():
    """braintools' cheapest surrogate takes as long as ours, within 5% of the slow one's time."""
    assert "`ReluGrad`, is as fast as ours" in README
    steps = [item for rows in measured("networks").values() for item in rows.items()]
    for kind in ("Feed-forward", "Recurrent"):
        times = {
            name: [m["to_baseline"] for (table, contestant, _), m in steps
                   if table.startswith(kind) and contestant == name]
            for name in ("QPseudoSpike(2)", "braintools ReluGrad()")
        }  # fmt: skip
        ours, relu = times.values()
        assert relu == pytest.approx(ours, abs=0.05)
        row = rf"speed of a LIF training step, {kind.lower()} \| 1 \| {NUMBER} to {NUMBER} \|"
        assert said(row) == spread([1 / time for time in ours])


def test_memory_of_networks_after_published_ones():
    from benchmarks.gains import tables

    said = f"{tables()['memory_published']} in networks after published ones"
    assert said in " ".join(README.split())


def test_memory_of_a_training_step():
    kind = "Feed-forward"
    row = rf"memory of the step with `save_memory`, {kind.lower()} \| 1 \| {NUMBER} \|"
    for rows in measured("memory").values():
        saved, plain = (
            rows[f"{kind} training step", name, "256 neurons, 200 steps"]["memory_bytes"]
            for name in ("save_memory", "plain")
        )
        assert said(row) == [round(saved / plain, 2)]


def test_memory_and_time_of_long_sequences_here_and_in_the_guide():
    """In parts and with `save_memory`, relative to the plain step."""
    read = lambda name: (ROOT / "docs" / "guides" / f"{name}.md").read_text(encoding="utf-8")
    guide, longest = read("memory"), read("long_sequences")
    row = rf"over 5,000 steps, .*\| 1 \| {NUMBER}, in {NUMBER} to {NUMBER} of the time"
    memory, *times = said(row)
    of = lambda rows, way, n: rows["Training step", way, f"{n},000 steps"]
    stored = lambda *step: of(*step)["memory_bytes"]
    part = lambda rows, way, n: stored(rows, way, n) / stored(rows, "plain", n)
    both, nested = (f"{way} and save_memory" for way in ("checkpoints", "checkpointed_for_loop"))
    runs = measured("long_sequences")
    assert times == spread([of(rows, both, 5)["to_bound"] for rows in runs.values()])
    assert {round(part(rows, both, 5), 3) for rows in runs.values()} == {memory}
    words = " ".join(guide.split())
    assert "5,000 steps take about 1/80 of it, and 10,000 steps about 1/120" in words
    for rows in runs.values():
        assert [1 / part(rows, both, n) for n in (5, 10)] == pytest.approx([80, 120], rel=0.05)
    (newest,) = (rows for name, rows in runs.items() if "0.12" in name)
    assert [round(1 / part(newest, nested, n)) for n in (5, 10)] == [95, 190]
    assert "1/95 at 5,000 steps and 1/190 at 10,000" in longest
