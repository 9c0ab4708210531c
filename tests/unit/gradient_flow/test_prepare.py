"""`prepare`: from a network that cannot learn to one that can, or not changed at all."""

import sys

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import LeakyRelu, Sigmoid, Surrogate
from faulty_layers import Ternary, mixed
from helpers import linear, thorough, untouched, values_of, verdicts_in
from lif_networks import N, Network, inputs
from small_stacks import Changed, Layer, Stack
from small_stacks import inputs as small_inputs

from braintools_qps import QPseudoSpike, Scaled, gradient_flow, prepare, set_surrogate
from braintools_qps._models import find_neurons, find_nodes, is_dropout

pytestmark = pytest.mark.usefixtures("one_millisecond")
FLAT = LeakyRelu(alpha=0.0, beta=0.0)


class InVolts(brainstate.nn.Module):
    """Neurons that call their spike function with a voltage, 15 mV below threshold at rest."""

    def __init__(self):
        super().__init__()
        brainstate.random.seed(0)
        self.linear, self.spk_fun = linear(N, N), QPseudoSpike(scale=1 * u.mV)
        self.readout = linear(N, 2)

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, N)) * u.mV)

    def update(self, x):
        self.V.value = 0.9 * self.V.value + 0.2 * self.linear(x) * u.mV
        return self.readout(self.spk_fun(self.V.value - 15 * u.mV))


def eight():
    return inputs()[:, :8]


def silent():
    return Stack(mixed(1.0), mixed(0.001), mixed(1.0))


def dropping():
    return Stack(Layer(1.0), brainstate.nn.Dropout(0.1), Layer(1.0))


def rest(model):
    """What a model holds beside its states."""
    neurons = {name: (type(n), n.spk_fun) for name, n in find_neurons(model).items()}
    return neurons, [found.prob for found in find_nodes(model, is_dropout).values()]


def assert_same(one, other):
    assert rest(one) == rest(other)
    first, second = values_of(one), values_of(other)
    assert first.keys() == second.keys()
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second)):
        np.testing.assert_array_equal(a, b)


def test_a_healthy_network_comes_back_unchanged_with_a_learning_rate(monkeypatch, capsys):
    monkeypatch.setattr("braintools_qps._gradient_flow.trial.PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    model = Stack(Layer(1.0))
    others, scope = rest(model), {}
    with untouched(model):
        done = prepare(model, small_inputs())
    assert (done.before.cause, done.lines, rest(model)) == ("none", (), others)
    assert "learning rates: " in capsys.readouterr().err  # a bar, in a terminal
    assert repr(done).startswith("# It learns: ")
    assert "plain Adam" not in repr(done)
    exec(repr(done), scope)
    assert scope["learning_rate"] == done.learning_rate
    assert done.learning_rate in (0.1, 0.03, 0.01, 0.003, 0.001)


def test_a_network_that_has_learned_is_left_or_trained_further():
    model = Stack(Layer(1.0))
    answers = brainstate.transform.for_loop(model, small_inputs()).mean(axis=0)
    model.layers[0].V.value *= 0
    said = " ".join(repr(prepare(model, small_inputs(), labels=answers)).split())
    assert said.startswith("# It has learned: ")
    assert "To train it further, start with learning_rate = 0.001 #" in said
    assert said.endswith("# Next: leave it, or train it further with Adam at this learning rate.")


def test_where_no_learning_rate_helps_within_40_steps_the_usual_one_is_named():
    """40 steps of 0.1, which takes most away, change its weights by less than a hundredth."""
    large = Stack(Changed(lambda V, x, w: 0.9 * V + 1e-3 * (x @ w), weight=1e3))
    done = prepare(large, small_inputs(), labels=np.arange(8) % 2)
    assert (done.learning_rate, done.rate_helps) == (0.01, False)
    said = " ".join(repr(done).replace("# ", "").split())
    assert verdicts_in(done) == ["learns"]
    assert done.further[-1].startswith("The steps of the trial went by the size of each weight.")
    assert "constant answer. 0.01 is only the usual one" in done.further[-1]
    assert "start with" not in said.lower()
    assert said.endswith("Next: compare learning rates in longer trainings.")


def test_the_learning_rate_is_for_all_samples_where_the_trial_took_a_few():
    """56 of 64 samples are of two kinds, so what helps with the other 8 helps little with all."""
    brainstate.random.seed(0)
    lif = brainpy.state.LIF(N, tau=10 * u.ms, V_th=1 * u.mV, spk_fun=QPseudoSpike(scale=1.0))
    model = brainstate.nn.Sequential(linear(N, N), lambda x: 20 * x * u.mA, lif, linear(N, 10))
    different = np.linspace(0, 63, 8).astype(int)
    samples = jnp.tile(inputs()[:, :2], (1, 32, 1)).at[:, different].set(eight())
    done = prepare(model, samples)
    assert (done.learning_rate, done.rate_helps) == (0.01, False)
    assert verdicts_in(done) == ["learns"]
    few, *_, rate = done.after.text, *done.further
    assert "on 8 of these 64 samples" in few
    assert "the loss on 64 samples is not a tenth below that of a constant answer" in rate


RATES, SURROGATE = "normalize_rates(", "set_surrogate("


@pytest.mark.parametrize(
    ("make", "x", "before", "verdict", "call"),
    [
        (silent, small_inputs, "silent", "does not", RATES),
        thorough(
            lambda: Stack(Layer(1.4, FLAT)), small_inputs, "no gradient", "learns slowly", SURROGATE
        ),
        thorough(dropping, small_inputs, "dropout", "learns slowly", "model.layers[1].prob = 0.9"),
        thorough(InVolts, eight, "silent", "does not", RATES),
    ],
)
def test_the_printed_lines_do_the_same_to_a_twin(make, x, before, verdict, call):
    model, twin = make(), make()
    samples_first = jnp.swapaxes(x(), 0, 1)
    done = prepare(model, samples_first, batch_first=True)
    assert (done.before.cause, done.after.cause) == (before, "none")
    before_lines, _, after_lines = repr(done).partition(done.lines[0])
    assert verdicts_in(before_lines) == [verdict]
    assert after_lines.count("Now it learns: ") == 1 == len(verdicts_in(after_lines))
    [code] = [line for line in done.lines if not line.startswith("from")]
    assert code.startswith(call)
    scope = {"model": twin, "inputs": samples_first}
    exec(repr(done), scope)
    assert scope["learning_rate"] == done.learning_rate
    assert_same(model, twin)
    assert not prepare(model, x()).lines


@pytest.mark.thorough
def test_a_voltage_gets_a_scale_the_usual_distance_from_the_threshold():
    model = InVolts()
    model.spk_fun = Scaled(FLAT, scale=1 * u.mV)
    model.linear.weight.value = jax.tree.map(lambda w: 40 * w, model.linear.weight.value)
    before = model.linear.weight.value
    done = prepare(model, eight())
    assert done.before.cause == "no gradient"
    jax.tree.map(np.testing.assert_array_equal, model.linear.weight.value, before)
    V, distances = 0, []
    for x in np.asarray(eight()):
        V = 0.9 * V + 0.2 * (x @ before["weight"] + before["bias"])
        distances.append(abs(V - 15))
    assert model.spk_fun.alpha == 8
    assert model.spk_fun.scale / u.mV == pytest.approx(np.median(distances), rel=0.01)


class Own(Ternary):
    """A surrogate that no spec names."""

    __call__ = Surrogate.__call__


@pytest.mark.parametrize("surrogate", [*map(thorough, ("Sigmoid", {"layers.0": Sigmoid})), Own()])
def test_the_surrogate_of_the_user(surrogate):
    model, twin = (Stack(Layer(1.4, FLAT)) for _ in range(2))
    done = prepare(model, small_inputs(), surrogate=surrogate)
    assert done.after.cause == "none"
    assert isinstance(model.layers[0].spk_fun, Scaled)
    scope = {"model": twin, "inputs": small_inputs(), "surrogate": surrogate, "Sigmoid": Sigmoid}
    exec(repr(done), scope)
    assert twin.layers[0].spk_fun == model.layers[0].spk_fun


@pytest.mark.thorough
def test_the_rate_of_the_user():
    model = silent()
    assert (
        "normalize_rates(model, inputs, rate=0.2)" in prepare(model, small_inputs(), rate=0.2).lines
    )
    (flow,) = gradient_flow(model, small_inputs()).values()
    rates = [p.activity.firing_rate for p in flow.populations]
    assert rates == pytest.approx([0.2] * 3, rel=0.1)


@pytest.mark.thorough
def test_after_ctrl_c_the_model_is_as_it_was():
    model, twin = Network((N,), spk_fun=FLAT), Network((N,), spk_fun=FLAT)
    target = jnp.arange(N) % 2
    for each in (model, twin):
        set_surrogate(each, FLAT, detach_reset=True)

    def interrupted(outputs):
        if rest(model) != rest(twin):  # the diagnosis after the change
            raise KeyboardInterrupt
        return jnp.mean((outputs - target) ** 2)

    with pytest.raises(KeyboardInterrupt):
        prepare(model, inputs(), objective=interrupted)
    assert_same(model, twin)
