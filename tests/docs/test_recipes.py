"""The recipes of docs/guides/recipes.md and other_tools.md: each runs by itself."""

import io
import json
import re
from pathlib import Path

import brainstate
import jax
import numpy as np
import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed")
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
CELL = re.compile(
    r"```\{code-cell\} ipython3\n(?::\w+:[^\n]*\n|\n)*(.*?)^```", re.DOTALL | re.MULTILINE
)
NEEDED = {  # what a recipe imports beside the extra `train`
    "Optuna": "optuna",
    "Hydra": "hydra",
    "NIR": "nir",
    "braintrace": "braintrace",
    "The Spiking Heidelberg Digits": "h5py",
}


def read(page):
    """Code that the recipes of a page share, and the code of each by its heading."""
    shared, *sections = (GUIDES / f"{page}.md").read_text(encoding="utf-8").split("\n## ")
    joined = lambda text: "".join(CELL.findall(text))
    recipes = {section.partition("\n")[0]: joined(section) for section in sections}
    return joined(shared), {name: code for name, code in recipes.items() if code}


PAGES = {page: read(page) for page in ("recipes", "other_tools")}
ALL = [(page, name) for page, (_, recipes) in PAGES.items() for name in recipes]
# What a reader of the page sees, as far as it is the same on every machine
SEEN = {
    "Voltages in millivolts": ["[0. 1. 1.]", "mV"],
    "A surrogate for each layer": ["QPseudoSpike(alpha=8.0) Sigmoid(alpha=4"],
    "Anneal alpha during training": ["alpha 2.0, slope 0.184", "alpha 8.0, slope 0.053"],
    "The Spiking Heidelberg Digits": ["26/6/8 samples", "100 steps of 700 features, 2 classes"],
    "Trials of braintools.cogtask": ["2 classes"],
    "Divide the inputs by a scale": [": now 1.00"],
    "Train over several devices": ["(8, 16) True"],
    "Share the result": ["flow.html has "],
    "Optuna: tune alpha, dampening and the learning rate": ["12 trials, "],
    "Hydra and OmegaConf": ["QPseudoSpike(alpha=8.0, dampening=0.3) QPseudoSpike(alpha=array([2"],
    "NIR: export a trained network": ["QPseudoSpike(alpha=8.0, dampening=0.3)"],
}


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run a recipe after the code that its page shares; returns its names and what it printed."""
    monkeypatch.chdir(tmp_path)

    def of(page, name, *, code=None):
        for heading, module in NEEDED.items():
            if name.startswith(heading):
                pytest.importorskip(module, reason=f"{module} is not installed")
        shared, recipes = PAGES[page]
        namespace = {}
        for part in (shared, BEFORE.get(name, ""), recipes[name] if code is None else code):
            exec(part, namespace)
        return namespace, capsys.readouterr().out

    with brainstate.environ.context(), brainstate.random.seed_context(0):
        yield of
    brainstate.environ.pop("dt", None)


# What a recipe takes from the one above it on its page
BEFORE = {
    "Share the result": "flow = gradient_flow(network, inputs)['model']\n",
}


@pytest.mark.thorough  # the build of the documentation runs them, too
@pytest.mark.filterwarnings("ignore:core.Jaxpr is missing a DebugInfo:DeprecationWarning")
@pytest.mark.parametrize(("page", "name"), ALL)
def test_a_recipe(run, page, name):
    _, out = run(page, name)
    for words in SEEN.get(name, []):
        assert words in out


def test_a_product_with_neighbours_is_a_convolution(run):
    name = "Convolve in each step, as a product"
    code = PAGES["recipes"][1][name].partition("def layer")[0]
    shared, _ = run("recipes", name, code=code)
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 5))
    layout = ("NHWC", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)
    product = shared["neighbours"](x) @ kernel.reshape(27, 5)
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-5)


def test_spikes_are_counted_in_their_step_and_channel(run):
    """Two samples by hand: spikes at 0, 100, 150 and 350 ms, one beyond the last step."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    name = "The Spiking Heidelberg Digits"
    namespace, _ = run("recipes", name, code=PAGES["recipes"][1][name].partition("import io")[0])
    with h5py.File(content := io.BytesIO(), "w") as file:
        for path, kind, rows in (
            ("spikes/times", np.float64, ([0.0, 0.1, 0.15, 0.35], [0.25, 9.0])),
            ("spikes/units", np.uint16, ([0, 2, 2, 1], [1, 0])),
        ):
            made = file.create_dataset(path, 2, h5py.vlen_dtype(kind))
            made[0], made[1] = (np.array(row, kind) for row in rows)
        file["labels"] = [3, 7]
    X, y = namespace["spike_counts"](content, step=0.1, steps=4, channels=3)
    expected = [[1, 0, 0], [0, 0, 2], [0, 0, 0], [0, 1, 0]], [[0] * 3, [0] * 3, [0, 1, 0], [0] * 3]
    assert X.tolist() == [*expected]
    assert y.tolist() == [3, 7]


@pytest.mark.thorough
def test_trials_of_optuna_share_one_program(run):
    """XLA compiles in the first trial alone."""
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, _, **facts: compiled.append(event) if "backend_compile" in event else None
    )
    namespace, _ = run("other_tools", "Optuna: tune alpha, dampening and the learning rate")
    assert len(namespace["study"].trials) == 12
    until_now = len(compiled)
    assert until_now
    namespace["study"].optimize(namespace["objective"], n_trials=2)
    assert len(compiled) == until_now


@pytest.mark.thorough
def test_nir_holds_the_network_that_was_trained(run):
    """The equations of NIR's nodes, stepped by numpy, give the spikes of the network."""
    namespace, _ = run("other_tools", "NIR: export a trained network")
    nodes, x = namespace["nodes"], np.asarray(namespace["valid_x"])
    potentials = {"lif1": np.zeros((len(x), 64)), "lif2": np.zeros((len(x), 64))}
    outputs = []
    for _ in range(20):
        signal = x
        for affine, lif in (("linear1", "lif1"), ("linear2", "lif2")):
            current = signal @ nodes[affine].weight.T + nodes[affine].bias
            signal, potentials[lif] = lif_step(nodes[lif], potentials[lif], current)
        outputs.append(signal @ nodes["readout"].weight.T + nodes["readout"].bias)
    expected = namespace["logits"](namespace["network"], namespace["valid_x"])
    close = np.isclose(np.mean(outputs, axis=0), expected, atol=1e-3).all(axis=-1)
    assert close.mean() > 0.99  # a potential may come within rounding of the threshold


def lif_step(node, potential, current, dt=1e-3):
    """tau dv/dt = v_leak - v + r I over a step of constant current; spike; reset."""
    rest = node.v_leak + node.r * current
    potential = rest + (potential - rest) * np.exp(-dt / node.tau)
    spikes = (potential >= node.v_threshold).astype(float)
    return spikes, np.where(spikes > 0, node.v_reset, potential)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("one step at a time", r"trains ([\d.]+) to ([\d.]+) times as fast"),
        ("one step at a time, as products", r"takes\s+([\d.]+) to ([\d.]+) times as long"),
    ],
)
def test_the_times_of_convolutions_are_those_measured(form, sentence):
    results = (Path(__file__).parents[2] / "benchmarks" / "results").glob("*/convolutions.json")
    rows = [m for path in results for m in json.loads(path.read_text())["measurements"]]
    steps = [m for m in rows if m["table"] == "A training step" and m["contestant"] == form]
    ratios = [m["to_bound"] for m in steps]
    page = (GUIDES / "recipes.md").read_text(encoding="utf-8")
    (said,) = re.findall(sentence, page)
    assert list(map(float, said)) == [round(min(ratios), 1), round(max(ratios), 1)]
