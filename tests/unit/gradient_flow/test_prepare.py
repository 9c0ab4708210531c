"""`prepare`: from a network that cannot learn to one that can, or not changed at all."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, Scaled, gradient_flow, prepare, set_surrogate
from braintools_qps._models import find_neurons
from braintools_qps.records import Diagnosis, Preparation

STEPS, BATCH, N = 20, 16, 12


class Network(brainstate.nn.Module):
    """Layers of LIF neurons, one after the other; ``between`` is called between the first two."""

    def __init__(self, depth=2, gain=1.0, between=lambda x: x, change=lambda w: w, **options):
        super().__init__()
        brainstate.random.seed(0)
        self.linear = [brainstate.nn.Linear(N, N) for _ in range(depth)]
        self.lif = [
            brainpy.state.LIF(N, **{"V_th": 1 * u.mV, "tau": 10 * u.ms} | options)
            for _ in range(depth)
        ]
        self.gain, self.between = gain, between
        for linear in self.linear:
            weights = linear.weight.value
            linear.weight.value = weights | {"weight": change(weights["weight"])}

    def update(self, x):
        for i, (linear, lif) in enumerate(zip(self.linear, self.lif)):
            x = lif(self.gain * linear(x if i != 1 else self.between(x)) * u.mA)
        return x


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


def deep():
    return Network(depth=10)


def steep():
    """It fires, and its surrogate is too high and too narrow."""
    return Network(depth=1, gain=8.0, spk_fun=QPseudoSpike(dampening=9.0))


class Zero(Surrogate):
    """A surrogate that lets no gradient through."""

    def surrogate_fun(self, x):
        return jax.nn.sigmoid(x)

    def surrogate_grad(self, x):
        return jnp.zeros_like(x)


def flat():
    return Network(gain=8.0, spk_fun=Zero())


def positive():
    return Network(gain=40.0, change=jnp.abs)


def inputs(features=N):
    return jax.random.uniform(jax.random.key(0), (STEPS, BATCH, features))


def last(outputs):
    """A loss that reads all steps, with a different weight for each neuron."""
    return jnp.sum(outputs * jnp.cos(jnp.arange(N)))


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


@pytest.fixture(autouse=True)
def one_millisecond():
    with brainstate.environ.context(dt=1.0 * u.ms):
        yield


@pytest.mark.parametrize(
    ("make", "before", "calls"),
    [
        (Network, "silent", ["normalize_rates(", "set_surrogate("]),
        (steep, "too high", ["set_surrogate("]),
        (flat, "no gradient", ["set_surrogate("]),
        (positive, "saturated", ["state", "state", "normalize_rates(", "set_surrogate("]),
        (deep, "silent", ["relay_weights(", "set_surrogate("]),
        (InVolts, "silent", ["normalize_rates(", "set_surrogate("]),
    ],
)
def test_the_printed_lines_do_the_same_to_a_twin(make, before, calls):
    model, twin = make(), make()
    done = prepare(model, inputs(), objective=last)
    assert done.before.cause == before
    assert done.after.cause == "none"
    code = [line for line in done.lines if not line.startswith(("import", "from"))]
    assert [line[: len(call)] for line, call in zip(code, calls, strict=True)] == calls
    assert repr(done).splitlines()[1:-1] == list(done.lines)
    exec("\n".join(done.lines), {"model": twin, "inputs": inputs()})
    assert_same(model, twin)
    flow = gradient_flow(model, inputs(), objective=last)["model"]
    assert flow.diagnosis.cause == "none"
    assert Preparation.from_json(done.to_json()) == done
    assert not prepare(model, inputs(), objective=last).lines


def test_a_voltage_gets_a_scale():
    model = InVolts()
    prepare(model, inputs(), objective=last)
    assert model.spk_fun.alpha == 8
    assert model.spk_fun.scale == 15 * u.mV


def test_the_surrogate_and_the_rate_of_the_user():
    model = Network()
    done = prepare(model, inputs(), surrogate="Sigmoid", rate=0.2, objective=last)
    assert "normalize_rates(model, inputs, rate=0.2)" in done.lines
    assert all(isinstance(spike, Scaled) for spike in surrogates(model).values())
    rates = [p.activity.firing_rate for p in gradient_flow(model, inputs())["model"].populations]
    assert rates == pytest.approx([0.2, 0.2], rel=0.05)


def test_a_healthy_network_comes_back_unchanged():
    model = Network(depth=1, gain=8.0, spk_fun=QPseudoSpike(dampening=0.2))
    before, spikes = states(model), surrogates(model)
    done = prepare(model, inputs(), objective=last)
    assert done.lines == ()
    assert repr(done).startswith("Nothing to do: ")
    assert surrogates(model) == spikes
    assert all(value is before[path] for path, value in states(model).items())


def twice(linear):
    """A network in which two layers share their weights."""
    model = Network(depth=3)
    model.linear[2] = model.linear[1]
    return model


def frozen():
    """A network whose weights no optimizer would change."""
    model = Network()
    for linear in model.linear:
        linear.weight = brainstate.LongTermState(linear.weight.value)
    return model


def nan():
    return inputs().at[3, 2, 1].set(jnp.nan)


class NoNeurons(brainstate.nn.Module):
    def update(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "data", "options", "message"),
    [
        (lambda: Network(gain=8.0, between=jax.lax.stop_gradient), inputs, {}, "stop_gradient"),
        (lambda: Network(change=jnp.zeros_like), inputs, {}, "prepare must|No weights make it"),
        (Network, nan, {}, r"NaN or infinity in 1 of \d+ entries, first at \(3, 2, 1\)"),
        (Network, inputs, {"labels": [0, 1]}, "one entry per sample"),
        (Network, inputs, {"rate": 1.5}, "rate, in spikes per neuron and step"),
        (Network, inputs, {"surrogate": "Sigmoyd"}, "Sigmoyd"),
        (NoNeurons, inputs, {}, "must have neurons"),
        (lambda: twice(1), inputs, {}, "share"),
        (frozen, inputs, {}, "The model has no parameters to train"),
    ],
)
def test_after_an_error_the_model_is_as_it_was(make, data, options, message):
    model, twin = make(), make()
    with pytest.raises((ValueError, LookupError), match=message):
        prepare(model, data(), objective=last if make is not NoNeurons else None, **options)
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
