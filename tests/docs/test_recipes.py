"""The recipes of docs/guides/recipes.md: each runs by itself, and is short."""

import ast
import json
import re
from pathlib import Path

import brainstate
import jax
import numpy as np
import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed")
PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "recipes.md").read_text(encoding="utf-8")
CELL = re.compile(
    r"```\{code-cell\} ipython3\n(?::\w+:[^\n]*\n|\n)*(.*?)^```", re.DOTALL | re.MULTILINE
)
SHARED, *SECTIONS = PAGE.split("\n## ")
RECIPES = {section.partition("\n")[0]: "".join(CELL.findall(section)) for section in SECTIONS}
# What a reader of the page sees, as far as it is the same on every machine
SEEN = {
    "Voltages in millivolts": ["[0. 1. 1.]", "mV"],
    "A surrogate for each layer": ["QPseudoSpike(alpha=1.0) QPseudoSpike(alpha=4.0)"],
    "Anneal alpha": ["alpha 1.0, slope 0.333", "alpha 8.0, slope 0.053"],  # 1/3, (13/9) ** -8
    "Learn online": ["{'bias': (16,), 'weight': (8, 16)}"],
    "Train over several devices": ["(8, 16) True"],
    "Log the flow while training": ["[0, 10] ["],
    "Share the result": ["flow.html has 3 figures"],
}


@pytest.fixture
def shared(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    with brainstate.environ.context(), brainstate.random.seed_context(0):
        for cell in CELL.findall(SHARED):
            exec(cell, namespace)
        yield namespace
    brainstate.environ.pop("dt", None)


@pytest.mark.thorough  # the build of the documentation runs them, too
@pytest.mark.filterwarnings("ignore:core.Jaxpr is missing a DebugInfo:DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.thorough] * ("compare(" in code))
        for name, code in RECIPES.items()
    ],
)
def test_a_recipe(shared, capsys, name):
    earlier = "flow = gradient_flow(network, inputs)['model']\n"
    exec((earlier if name == "Share the result" else "") + RECIPES[name], shared)
    out = capsys.readouterr().out
    for words in SEEN.get(name, []):
        assert words in out


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_about_ten_lines(name):
    lines = [line for line in RECIPES[name].splitlines() if line.strip()]
    assert len([line for line in lines if not re.match(r"import |from ", line)]) <= 14


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_what_all_share(name):
    # On the page, recipes run one after the other.
    assert not bound("".join(CELL.findall(SHARED))) & bound(RECIPES[name])


def bound(code):
    """Names that the top level of the code gives a value."""
    found = set()
    for node in ast.parse(code).body:
        names = [getattr(node, "name", None)]
        names += [getattr(target, "id", None) for target in getattr(node, "targets", [])]
        found |= {name for name in names if name}
    return found


def test_a_product_with_neighbours_is_a_convolution(shared):
    exec(RECIPES["Convolve in each step, as a product"].partition("def layer")[0], shared)
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 5))
    layout = ("NHWC", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)
    product = shared["neighbours"](x) @ kernel.reshape(27, 5)
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-5)


def test_what_was_promised_is_there():
    assert len(RECIPES) == 12


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("one step at a time", r"trains ([\d.]+) to ([\d.]+) times as fast"),
        ("one step at a time, as products", r"takes\s+([\d.]+) to ([\d.]+) times as long"),
    ],
)
def test_the_times_of_convolutions_are_those_measured(form, sentence):
    results = (Path(__file__).parents[2] / "benchmarks" / "results").glob("*/convolutions.json")
    found = [m for path in results for m in json.loads(path.read_text())["measurements"]]
    steps = [m for m in found if m["table"] == "A training step" and m["contestant"] == form]
    ratios = [m["to_bound"] for m in steps]
    (said,) = re.findall(sentence, PAGE)
    assert list(map(float, said)) == [round(min(ratios), 1), round(max(ratios), 1)]
