"""`prepare`: from a network that cannot learn to one that can, or not changed at all."""

from functools import partial

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import LeakyRelu, Sigmoid
from flow_networks import only
from lif_networks import N, Network, inputs
from small_stacks import Changed, Layer, Stack
from small_stacks import inputs as small_inputs

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    SurrogateSchedule,
    get_surrogate,
    gradient_flow,
    prepare,
    set_surrogate,
)
from braintools_qps._models import find_neurons
from braintools_qps.records import Diagnosis, Preparation

STRAIGHT = get_surrogate("snntorch.straight_through_estimator")
FLAT = LeakyRelu(alpha=0.0, beta=0.0)


class InVolts(brainstate.nn.Module):
    """Neurons that call their spike function with a voltage, 15 mV below threshold at rest."""

    def __init__(self):
        super().__init__()
        brainstate.random.seed(0)
        self.linear, self.spk_fun = brainstate.nn.Linear(N, N), QPseudoSpike(scale=0.1 * u.mV)

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, N)) * u.mV)

    def update(self, x):
        self.V.value = 0.9 * self.V.value + 0.2 * self.linear(x) * u.mV
        return self.spk_fun(self.V.value - 15 * u.mV)


class Recurrent(Network):
    """Neurons that hear each other, with a surrogate that is much too high."""

    def __init__(self):
        super().__init__((N,), spk_fun=QPseudoSpike(alpha=8.0, dampening=40.0), spk_reset="hard")
        self.back = brainstate.nn.Linear(N, N)

    def update(self, x):
        current = 20 * self.linear[0](x) + 60 * self.back(self.lif[0].get_spike())
        return self.lif[0](current * u.mA)


def healthy():
    return Network((N,), 8.0, spk_fun=QPseudoSpike(dampening=0.2))


def steep():
    """It fires, and its surrogate is too high and too narrow."""
    return Network((N,), 8.0, spk_fun=QPseudoSpike(dampening=9.0))


def dropping():
    """A dropout that keeps what it should drop."""
    options = {"between": brainstate.nn.Dropout(0.005), "spk_fun": QPseudoSpike(dampening=0.2)}
    return Network(gain=8.0, **options)


def deep():
    """Ten layers of two widths in turn."""
    return Network((N, N // 2) * 5)


def last(outputs):
    """A loss that reads all steps, with a different weight for each neuron."""
    return jnp.sum(outputs * jnp.cos(jnp.arange(outputs.shape[-1])))


def states(model):
    return {path: state.value for path, state in model.states().items()}


def surrogates(model):
    return {name: neuron.spk_fun for name, neuron in find_neurons(model).items()}


def assert_same(one, other):
    assert surrogates(one) == surrogates(other)
    first, second = states(one), states(other)
    assert first.keys() == second.keys()
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second)):
        np.testing.assert_array_equal(a, b)


pytestmark = pytest.mark.usefixtures("one_millisecond")


RATES, SURROGATE = "normalize_rates(", "set_surrogate("
thorough = partial(pytest.param, marks=pytest.mark.thorough)


@pytest.mark.parametrize(
    ("times", "weights", "calls"),
    [
        (1.5, [], [SURROGATE]),  # 1.5**19 = 2217
        (1.5, [0.16], ["layers[0]", "layers[1]", RATES, SURROGATE]),  # it never fires, but near
        (1.3, [0.16], []),  # 1.3**19 = 146
    ],
)
def test_a_high_surrogate_is_lowered_where_the_gradient_grows_1000_fold(times, weights, calls):
    growing = lambda V, x, w: times * (V - jax.lax.stop_gradient(V)) + x @ w + 0.3
    first = Changed(growing, spike=QPseudoSpike(2.0))
    done = prepare(Stack(first, *map(Layer, weights)), small_inputs())
    assert (done.before.cause, done.after.cause) == ("none", "none")
    assert ("is 2,000 times as large at the first" in done.before.text) == (calls == [SURROGATE])
    lines = [line for line in done.lines if "import" not in line and "learning" not in line]
    assert len(lines) == len(calls)
    assert all(call in line for call, line in zip(calls, lines))


@pytest.mark.parametrize(
    ("make", "before", "calls", "learning_rate"),
    [
        (Network, "silent", [RATES, SURROGATE], 0.03),
        # Weights 20 times as large
        thorough(partial(Network, gain=0.05), "silent", [RATES, SURROGATE], 0.1),
        (steep, "too high", [SURROGATE], 0.01),
        thorough(partial(Network, gain=8.0, spk_fun=STRAIGHT), "too wide", [SURROGATE], 0.01),
        thorough(dropping, "dropout", ["model.between.prob = 0.995"], None),
        thorough(partial(Network, gain=8.0, spk_fun=FLAT), "no gradient", [SURROGATE], 0.01),
        thorough(
            partial(Network, gain=40.0, change=jnp.abs),
            "saturated",
            ["model.linear[0]", "model.linear[1]", RATES, SURROGATE],
            0.01,
        ),
        thorough(deep, "silent", ["relay_weights(", SURROGATE], 0.001),
        thorough(InVolts, "silent", [RATES, SURROGATE], 0.03),
    ],
)
def test_the_printed_lines_do_the_same_to_a_twin(make, before, calls, learning_rate):
    model, twin = make(), make()
    done = prepare(model, jnp.swapaxes(inputs(), 0, 1), objective=last, batch_first=True)
    assert (done.before.cause, done.after.cause) == (before, "none")
    assert done.learning_rate == learning_rate
    if learning_rate:
        calls = [*calls, f"learning_rate = {learning_rate:g} "]
    code = [line for line in done.lines if not line.startswith("from")]
    assert [line[: len(call)] for line, call in zip(code, calls, strict=True)] == calls
    assert repr(done).splitlines()[1:-1] == list(done.lines)
    exec("\n".join(done.lines), {"model": twin, "inputs": jnp.swapaxes(inputs(), 0, 1)})
    assert_same(model, twin)
    assert not prepare(model, inputs(), objective=last).lines
    (flow,) = gradient_flow(model, inputs(), objective=last).values()
    assert not any("set_surrogate" in line for line in flow.further)  # nothing is to be lowered


@pytest.mark.thorough
def test_with_400_steps_the_learning_rate_is_lower():
    long = jnp.tile(inputs(), (-(-400 // len(inputs())), 1, 1))
    rates = [
        prepare(Network(gain=0.05), long[:steps], objective=last).learning_rate
        for steps in (399, 400)
    ]
    assert rates == [0.1, 0.01]


def test_the_mean_slope_is_one_with_which_the_gradient_stays_steady():
    def growth(surrogates=None):
        flows = gradient_flow(model, inputs(), surrogates=surrogates, objective=last)
        return only(flows).populations[0].gradient.end_to_end

    model = Recurrent()
    spike = "QPseudoSpike(alpha=8, scale=1.1, dampening=40)"
    done = prepare(model, inputs(), surrogate=spike, objective=last)
    assert f"surrogate={spike!r}, mean_slope=0.05" in str(done)
    lowered = model.lif[0].spk_fun
    assert growth() < 1000 < growth(lowered.replace(dampening=2 * lowered.dampening))


def test_a_voltage_gets_a_scale_the_usual_distance_from_the_threshold():
    model = InVolts()
    prepare(model, inputs(), objective=last)
    weights = model.linear.weight.value
    V, distances = 0, []
    for x in np.asarray(inputs()):
        V = 0.9 * V + 0.2 * (x @ weights["weight"] + weights["bias"])
        distances.append(abs(V - 15))
    assert model.spk_fun.alpha == 8
    assert model.spk_fun.scale / u.mV == pytest.approx(np.median(distances), rel=0.01)


class Read(InVolts):
    """The voltages are the output."""

    def update(self, x):
        super().update(x)
        return self.V.value / u.mV


def test_a_readout_by_voltages_gets_a_scale_too_and_keeps_its_weights():
    model = brainstate.nn.Sequential(InVolts(), Read())
    before = model.layers[1].linear.weight.value
    done = prepare(model, inputs(), objective=last)
    assert done.after.cause == "none"
    assert all(u.get_unit(layer.spk_fun.scale) == u.mV for layer in model.layers)
    jax.tree.map(np.testing.assert_array_equal, model.layers[1].linear.weight.value, before)


class Mine(QPseudoSpike):
    """A surrogate that no name stands for."""


@pytest.mark.parametrize("surrogate", ["Sigmoid", {"lif.1": Sigmoid}, Mine(2.0)])
def test_the_surrogate_and_the_rate_of_the_user(surrogate):
    model = Network()
    done = prepare(model, inputs(), surrogate=surrogate, rate=0.2, objective=last)
    assert done.after.cause == "none"
    assert "normalize_rates(model, inputs, rate=0.2)" in done.lines
    kind = Mine if isinstance(surrogate, Mine) else Scaled
    assert isinstance(model.lif[1].spk_fun, kind)
    rates = [p.activity.firing_rate for p in gradient_flow(model, inputs())["model"].populations]
    assert rates == pytest.approx([0.2, 0.2], rel=0.05)


def test_a_healthy_network_comes_back_unchanged():
    model = healthy()
    before, spikes = states(model), surrogates(model)
    done = prepare(model, inputs(), objective=last)
    assert (done.lines, done.learning_rate) == ((), None)
    assert repr(done).startswith("Nothing to do: ")
    assert surrogates(model) == spikes
    assert all(value is before[path] for path, value in states(model).items())


def frozen():
    """A network whose weights no optimizer would change."""
    model = Network()
    for linear in model.linear:
        linear.weight = brainstate.LongTermState(linear.weight.value)
    return model


def twice():
    """A network in which two layers share their weights."""
    model = Network((N, N, N))
    model.linear[2] = model.linear[1]
    return model


SCHEDULED = SurrogateSchedule("QPseudoSpike", dampening=lambda step: 0.1).surrogate


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: Network(gain=8.0, between=jax.lax.stop_gradient), {}, "(?s)prepare must.*stop_gr"),
        (lambda: Network(change=jnp.zeros_like), {}, "No weights make it fire"),
        (lambda: Network(V_th=1 * u.volt), {}, "(?s)at 0 to 0.*units of its threshold"),
        (
            twice,
            {},
            r"(?s)^lif\.1 is silent.*\nprepare cannot mend this, and changed nothing: "
            r"each .*weights of its own.*lif\.1 and lif\.2 share linear\.1\.weight",
        ),
        (Network, {"inputs": inputs().at[3, 2, 1].set(jnp.nan)}, "1 value, at step 3, sample 2, "),
        (Network, {"inputs": 1e-5 * inputs()}, "(?s)prepare must.*inputs = inputs / 9.99e-06"),
        (Network, {"labels": [0, 1]}, "labels must be a class"),
        (Network, {"surrogate": "Sigmoyd"}, "Sigmoyd"),
        (
            Network,
            {"surrogate": SCHEDULED},
            "(?s)silent.*cannot mend.*dampening is a State in lif.0",
        ),
        (frozen, {}, "The model has no parameters to train"),
    ],
)
def test_after_an_error_the_model_is_as_it_was(make, options, message):
    model, twin = make(), make()
    with pytest.raises((ValueError, LookupError), match=message):
        prepare(model, options.pop("inputs", inputs()), objective=last, **options)
    assert_same(model, twin)


def test_after_ctrl_c_the_model_is_as_it_was():
    model, twin = Network(), Network()
    for each in (model, twin):
        set_surrogate(each, "QPseudoSpike(dampening=0.5)", detach_reset=True)

    def interrupted(outputs):
        if surrogates(model) != surrogates(twin):  # the diagnosis after the change
            raise KeyboardInterrupt
        return last(outputs)

    with pytest.raises(KeyboardInterrupt):
        prepare(model, inputs(), objective=interrupted)
    assert_same(model, twin)
    assert [type(a) for a in model.lif] == [type(b) for b in twin.lif]


def test_a_cause_that_is_for_the_user_is_not_said_to_be_nothing():
    fading = Diagnosis("fading", "lif", "The gradient fades over time in lif.")
    said = "Nothing that prepare changes: the gradient fades over time in lif."
    assert repr(Preparation(fading, fading)) == said
