"""What some recipes compute; the build of the documentation runs them all."""

import io
import re
from pathlib import Path

import brainstate
import h5py
import jax
import numpy as np
import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
CELL = re.compile(
    r"```\{code-cell\} ipython3\n(?::\w+:[^\n]*\n|\n)*(.*?)^```", re.DOTALL | re.MULTILINE
)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a recipe after the code that its page shares, up to a line; returns its names."""
    monkeypatch.chdir(tmp_path)

    def of(page, heading, until="no such line"):
        shared, *recipes = (GUIDES / f"{page}.md").read_text("utf-8").split("\n## ")
        (recipe,) = (text for text in recipes if text.startswith(f"{heading}\n"))
        namespace = {}
        for part in (shared, recipe):
            exec("".join(CELL.findall(part)).partition(until)[0], namespace)
        return namespace

    with brainstate.environ.context(), brainstate.random.seed_context(0):
        yield of
    brainstate.environ.pop("dt", None)


@pytest.mark.thorough
def test_a_product_with_neighbours_is_a_convolution(run):
    recipe = run("recipes", "Convolve in each step, as a product", until="def layer")
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 5))
    layout = ("NHWC", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)
    product = recipe["neighbours"](x) @ kernel.reshape(27, 5)
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-5)


def test_spikes_are_counted_in_their_step_and_channel(run):
    """Two samples by hand: spikes at 0, 100, 150 and 350 ms, one beyond the last step."""
    recipe = run("recipes", "The Spiking Heidelberg Digits", until="import io")
    with h5py.File(content := io.BytesIO(), "w") as file:
        for path, kind, rows in (
            ("spikes/times", np.float64, ([0.0, 0.1, 0.15, 0.35], [0.25, 9.0])),
            ("spikes/units", np.uint16, ([0, 2, 2, 1], [1, 0])),
        ):
            made = file.create_dataset(path, 2, h5py.vlen_dtype(kind))
            made[0], made[1] = (np.array(row, kind) for row in rows)
        file["labels"] = [3, 7]
    X, y = recipe["spike_counts"](content, step=0.1, steps=4, channels=3)
    expected = [[1, 0, 0], [0, 0, 2], [0, 0, 0], [0, 1, 0]], [[0] * 3, [0] * 3, [0, 1, 0], [0] * 3]
    assert X.tolist() == [*expected]
    assert y.tolist() == [3, 7]


@pytest.mark.thorough
def test_nir_holds_the_network_that_was_trained(run):
    """The equations of NIR's nodes, stepped by numpy, give the spikes of the network."""
    recipe = run("other_tools", "NIR: export a trained network")
    nodes, x = recipe["nodes"], np.asarray(recipe["valid_x"])
    potentials = {"lif1": np.zeros((len(x), 64)), "lif2": np.zeros((len(x), 64))}
    outputs = []
    for _ in range(20):
        signal = x
        for affine, lif in (("linear1", "lif1"), ("linear2", "lif2")):
            current = signal @ nodes[affine].weight.T + nodes[affine].bias
            signal, potentials[lif] = lif_step(nodes[lif], potentials[lif], current)
        outputs.append(signal @ nodes["readout"].weight.T + nodes["readout"].bias)
    expected = recipe["logits"](recipe["network"], recipe["valid_x"])
    close = np.isclose(np.mean(outputs, axis=0), expected, atol=1e-3).all(axis=-1)
    assert close.mean() > 0.99  # a potential may come within rounding of the threshold


def lif_step(node, potential, current, dt=1e-3):
    """tau dv/dt = v_leak - v + r I over a step of constant current; spike; reset."""
    rest = node.v_leak + node.r * current
    potential = rest + (potential - rest) * np.exp(-dt / node.tau)
    spikes = (potential >= node.v_threshold).astype(float)
    return spikes, np.where(spikes > 0, node.v_reset, potential)
