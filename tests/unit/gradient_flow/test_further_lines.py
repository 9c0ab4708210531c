"""What gradient_flow says below its first line, and how it prints candidates."""

import re

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import only
from small_stacks import LOW, Branches, Changed, Layer, N, Stack, Triangle, inputs

from braintools_qps import QPseudoSpike, gradient_flow


class Residual(Stack):
    def update(self, x):
        first, second = self.layers
        x = first(x)
        return (x + second(x)) @ self.out.value


class Linear(Stack):
    """A readout of weights and biases that begin at 0."""

    def __init__(self, weights=jnp.zeros, send=lambda spikes: spikes):
        super().__init__(Layer(1.0))
        self.read = brainstate.nn.Linear(N, 2, w_init=lambda shape, **_: weights(shape))
        self.send = send

    def update(self, x):
        return self.read(self.send(self.layers[0](x)))


def rounded(V, x, w):
    return 0.9 * V + jnp.round(4 * (x @ w))


def untrained_readout():
    """All parameters lie before the rounding, which the first line names."""
    network = Stack(Changed(rounded))
    network.out = brainstate.ShortTermState(network.out.value)
    return network


class Gained(Stack):
    """The first layer counts by a gain that begins at 0."""

    def __init__(self):
        super().__init__(Layer(1.0), Layer(1.0))
        self.gain = brainstate.ParamState(jnp.zeros(N))

    def update(self, x):
        first, second = self.layers
        return second(x + self.gain.value * first(x)) @ self.out.value


def masked():
    layer = Changed(lambda V, x, w: 0.9 * V + x @ (w * layer.mask.value))
    layer.mask = brainstate.LongTermState(jnp.eye(N))
    return Stack(layer)


@pytest.mark.parametrize(
    ("model", "x", "said", "not_said"),
    [
        (untrained_readout, inputs(), "", "no signal passes them"),
        # The readout stops the gradient until the second step, and is as if it were not 0.
        (Linear, inputs(), "^read.weight is all 0 at the start", "read.weight and"),
        (Gained, inputs(), "^gain is all 0 at the start", "^$"),
        (lambda: Residual(Layer(1.0), Layer(0.001)), inputs(),
         "^layers.1 hardly fires yet: .*lets it take", "thresh"),
        (lambda: Branches(Layer(0.01), Layer(1.0, Triangle())), inputs(),
         "^The surrogate gradient of b is negative", "^$"),
        (lambda: Stack(Layer(1.0, QPseudoSpike(2.0))), inputs(),
         "^The mean slope of layers.0 is 0.", "^$"),
        (lambda: Stack(Layer(1.0, QPseudoSpike(2.0, scale=1e3, dampening=500.0))), inputs(),
         "^The surrogate gradient of layers.0 is nearly the same at all", "mean slope"),
        (masked, inputs(), "", "ParamState"),
    ],
)  # fmt: skip
def test_what_is_said_below_the_first_line(model, x, said, not_said):
    flow = only(gradient_flow(model(), x))
    assert not said or any(re.search(said, line) for line in flow.further), flow.further
    assert not any(re.search(not_said, line) for line in flow.further), flow.further


def test_a_bias_that_begins_at_zero_stops_no_gradient():
    flow = only(gradient_flow(Linear(jnp.ones, jax.lax.stop_gradient), inputs()))
    assert flow.diagnosis.cause == "no gradient"
    assert not any("at the start" in line for line in flow.advice)


def test_hints_are_lines_that_run_as_they_are_printed():
    x, model = inputs(), Stack(Layer(1.0), Layer(0.15, QPseudoSpike(alpha=8.0)))
    further = " ".join(only(gradient_flow(model, x)).further)
    lines = re.findall(r"from braintools_qps import [^;]*; \w+\(.*?\)(?=\.| lets)", further)
    assert len(lines) == 2
    for line in lines:
        exec(line, {"model": model, "inputs": x})
    further = " ".join(only(gradient_flow(model, x)).further)
    assert "from braintools_qps import" not in further


def test_a_line_for_a_candidate_puts_it_into_the_model():
    model, x = Stack(Layer(1.0)), inputs()
    flow = only(gradient_flow(model, x, surrogates=[QPseudoSpike(0.5)]))
    (line,) = (line for line in flow.further if "mean slope" in line)
    exec(re.search(r"from braintools_qps import .*\)", line)[0], {"model": model, "inputs": x})
    assert model.layers[0].spk_fun.alpha == 0.5
    assert only(gradient_flow(model, x)).mean_slope == pytest.approx(0.1, rel=0.01)


def test_what_no_candidate_changes_is_said_once_for_all():
    flows = gradient_flow(
        Stack(Layer(1.0), Layer(0.01)), inputs(), surrogates=["Sigmoid", "QPseudoSpike"]
    )
    lines = repr(flows).splitlines()
    assert lines[0].startswith("layers.1 is silent: ")
    assert sum("is silent" in line for line in lines) == 1
    assert "layers.1 is silent" in flows._repr_html_().partition("<table>")[0]


def test_candidates_that_differ_are_told_apart_and_those_that_do_not_share_a_line():
    candidates = {"low": LOW, "lower": QPseudoSpike(dampening=0.1), "wrong": Triangle()}
    lines = repr(gradient_flow(Stack(Layer(1.0)), inputs(), surrogates=candidates)).splitlines()
    assert any(line.startswith("wrong: The surrogate gradient of layers.0") for line in lines)
    assert any(line.startswith("low") and line.count("No cause") == 1 for line in lines)


def test_the_table_has_all_counts_and_a_word_beside_each_number_that_has_one():
    rows = repr(gradient_flow(Stack(Layer(1.0), Layer(0.05)), inputs())).splitlines()
    assert any("GradientFlow of model: 20 steps, 3 samples, 8 features" in row for row in rows)
    assert " ok " in next(row for row in rows if row.startswith("layers.0 "))
    assert " silent " in next(row for row in rows if row.startswith("layers.1 (Layer)"))


def test_weights_that_are_no_parameters():
    model = Stack(Layer(1.0), Layer(1.0))
    second = model.layers[1]
    second.weights = brainstate.LongTermState(second.weights.value)
    (line,) = (x for x in only(gradient_flow(model, inputs())).further if "ParamState" in x)
    assert line.startswith("layers.1.weights is no brainstate.ParamState, so an optimizer does")
    exec(re.search("import brainstate; .*[^.]", line)[0], {"model": model})
    assert isinstance(second.weights, brainstate.ParamState)
    assert not any("ParamState" in x for x in only(gradient_flow(model, inputs())).further)


@pytest.mark.parametrize(("blank", "said"), [(2, False), (6, True)])
def test_parameters_without_a_gradient_are_named_where_they_are_most(blank, said):
    flow = only(gradient_flow(Stack(Layer(1.0)), inputs().at[..., :blank].set(0.0)))
    assert flow.diagnosis.cause == "none"
    least = blank * (N + 2) / (N * N + 2 * N)  # by hand: a row of each matrix
    assert least <= flow.zero_parameter_share < least + 0.1
    assert any("of the parameters get no gradient" in line for line in flow.further) is said


def deep(dampening):
    return Stack(*(Layer(1.0, QPseudoSpike(8.0, dampening=dampening)) for _ in range(8)))


def test_a_gradient_that_vanishes_over_depth():
    said = r"^The gradient vanishes over depth: that of layers.0 is (\S+) times that of layers.7"
    flow = only(gradient_flow(deep(0.01), inputs()))
    sizes = [np.sqrt(p.gradient.second_moments.mean()) for p in flow.populations]
    (line,) = (line for line in flow.further if "vanishes" in line)
    assert sizes[0] / sizes[-1] < 1e-8
    assert float(re.match(said, line)[1]) == pytest.approx(sizes[0] / sizes[-1], rel=0.05)
    times = float(re.search(r"the dampening of all surrogates, to about (\S+) times", line)[1])
    again = only(gradient_flow(deep(0.01 * times), inputs()))
    assert 0.01 < np.prod([p.gradient.depth_growth for p in again.populations[:-1]]) < 100
    assert not any("vanishes" in line for line in again.advice)
