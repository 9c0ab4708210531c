"""save_memory finds what spikes feed, changes that, and says so."""

import brainstate
import braintools.surrogate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike, SpikeLinear, save_memory
from braintools_qps.records import SavedMemory

Linear = brainstate.nn.Linear
N = 4
SURROGATE = QPseudoSpike()


class Neurons(brainstate.nn.Module):
    def __init__(self, spike=SURROGATE, n=N):
        super().__init__()
        self.spk_fun, self.n = spike, n

    def init_state(self, batch_size=None, **kwargs):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size or 1, *np.atleast_1d(self.n))))

    def update(self, x):
        self.V.value = 0.9 * self.V.value + x
        return self.spk_fun(self.V.value - 1)


class Network(brainstate.nn.Module):
    """Input, a recurrent layer whose spikes wait in a state, a dropout, a readout."""

    def __init__(self, spike=SURROGATE, keep=0.8):
        super().__init__()
        self.input, self.recurrent = Linear(3, N), Linear(N, N)
        self.neurons = Neurons(spike)
        self.dropout = brainstate.nn.Dropout(keep)
        self.layers = [Linear(N, 2)]
        self.idle = Linear(N, N)

    def init_state(self, batch_size=None, **kwargs):
        self.spikes = brainstate.HiddenState(jnp.zeros((batch_size or 1, N)))

    def update(self, x):
        self.spikes.value = self.neurons(self.input(x) + self.recurrent(self.spikes.value))
        return self.layers[0](self.dropout(self.spikes.value))


X = jnp.ones((5, 3))


def saved(model, *inputs):
    return save_memory(model, *(inputs or (X,)))


def test_a_network():
    network = Network()
    objects = network.recurrent, network.recurrent.weight
    report = saved(network)
    assert dict(report.changed) == {
        "neurons": "QPseudoSpike(alpha=2.0, residual_dtype='uint8')",
        "recurrent": "SpikeLinear",
        "layers.0": "SpikeLinear with scale=1.25 in training",
    }
    assert dict(report.left) == {
        "input": "its input may hold other values than 0 and one more",
        "idle": "it was not called",
    }
    assert network.neurons.spk_fun == QPseudoSpike(residual_dtype="uint8")
    assert isinstance(network.layers[0], SpikeLinear)
    assert network.recurrent is objects[0]
    assert network.recurrent.weight is objects[1]
    assert "update" not in vars(network.recurrent)


@pytest.mark.parametrize("keep", [0.8, 0.7])
def test_gradients_stay(keep):
    """To the rounding of 8-bit slopes; with a dropout whose scale is no round number too."""

    def gradients(frugal):
        brainstate.random.seed(0)
        network = Network(keep=keep)
        if frugal:
            saved(network)
        layers = network.input, network.recurrent, network.layers[0]
        weights = [layer.weight for layer in layers]

        def loss():
            brainstate.nn.init_all_states(network, 5)
            brainstate.random.seed(1)
            with brainstate.environ.context(fit=True):
                outputs = brainstate.transform.for_loop(network, 3 * jnp.stack([X, -X, X, X]))
            return jnp.sum(jnp.sin(outputs))

        return brainstate.transform.jit(brainstate.transform.grad(loss, weights))()

    plain, frugal = gradients(False), gradients(True)
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(frugal)):
        assert_close(other, one, rtol=0, atol=0.02 * float(np.abs(one).max()) + 1e-6)
        assert np.abs(one).max() > 0.01


@pytest.mark.parametrize("fit", [True, False])
def test_behind_a_dropout_a_spike_counts_as_much_as_it_does_there(fit):
    """1 / prob in training and 1 in evaluation, eagerly and in a gradient."""
    network = Network(keep=0.8)
    saved(network)
    with brainstate.environ.context(fit=fit):
        brainstate.nn.init_all_states(network, 5)
        assert jnp.isfinite(network(9 * X)).all()
        loss = lambda x: jnp.sum(network(x))
        gradient = brainstate.transform.grad(loss, network.layers[0].weight)
        slopes = brainstate.transform.jit(gradient)(9 * X)["weight"]
    values = {0.0, 1.25, 2.5, 3.75, 5.0, 6.25} if fit else {0.0, 5.0}
    assert slopes.any()
    assert set(np.unique(slopes).tolist()) <= values


def test_where_no_phase_is_set_it_is_evaluation():
    network = Network(keep=0.8)
    saved(network)
    assert network.layers[0](jnp.ones((5, N))).shape == (5, 2)


def test_a_gain_is_the_same_in_training_and_evaluation():
    class Gain(Network):
        def update(self, x):
            super().update(x)
            return self.idle(3 * self.spikes.value)

    assert saved(Gain()).changed["idle"] == "SpikeLinear with scale=3"


def test_a_second_call_changes_nothing_more():
    network = Network()
    first, second = saved(network), saved(network)
    assert set(second.left) == {*first.left, "recurrent", "layers.0"}
    assert second.left["recurrent"] == "it is a SpikeLinear already"


def test_a_model_with_its_own_loop():
    class Sequence(Network):
        def update(self, xs):
            return brainstate.transform.for_loop(super().update, xs)

    network = Sequence()
    brainstate.nn.init_all_states(network, 5)
    assert {"recurrent", "layers.0"} < set(saved(network, jnp.stack([X] * 3)).changed)


def test_a_model_that_compiles_its_own_loop():
    """The plain program is not used that it may have compiled before, nor the one with marks."""

    class Compiled(Network):
        def __init__(self):
            super().__init__()
            self.run = brainstate.transform.jit(self.loop)

        def loop(self, xs):
            return brainstate.transform.for_loop(super().update, xs)

        def update(self, xs):
            return self.run(xs)

    def stored(called, frugal):
        network, xs = Compiled(), jnp.stack([X] * 200)
        brainstate.nn.init_all_states(network, 5)
        with brainstate.environ.context(fit=True):
            if called:
                network(xs)
            if frugal:
                assert {"recurrent", "layers.0"} < set(saved(network, xs).changed)
            loss = lambda xs: network(xs).sum()
            gradient = brainstate.transform.grad(loss, network.recurrent.weight)
            compiled = brainstate.transform.jit(gradient).compile(xs)
        return compiled.memory_analysis().temp_size_in_bytes

    assert stored(False, True) == stored(True, True) < stored(False, False)


def test_layers_within_vmap_have_the_names_that_neurons_have():
    class Inner(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.input, self.neurons, self.readout = Linear(3, N), Neurons(), Linear(N, 2)

        def update(self, x):
            return self.readout(self.neurons(self.input(x))[0])

    class Outer(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            inner = Inner()
            brainstate.nn.vmap_init_all_states(inner, axis_size=5, state_tag="new")
            self.mapped = brainstate.nn.Vmap(inner, vmap_states="new", vmap_out_states="new")

        def update(self, x):
            return self.mapped(x)

    report = saved(Outer())
    assert set(report.changed) == {"mapped.neurons", "mapped.readout"}
    assert set(report.left) == {"mapped.input"}


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda x: (x >= 0).astype(x.dtype), True),
        (lambda x: jnp.tanh(x), False),
        (lambda x: jnp.sign(x), True),
        (braintools.surrogate.Sigmoid(), True),
    ],
    ids=["a comparison", "graded", "signs", "braintools'"],
)
def test_other_spike_functions(function, found):
    """jnp.sign has -1, 0 and 1."""
    report = saved(Network(function))
    assert ("recurrent" in report.changed) == (found and function(jnp.float32(-1)) == 0)
    if isinstance(function, braintools.surrogate.Surrogate):
        assert report.changed["neurons"].startswith("Scaled(surrogate=Sigmoid(alpha=4.0), residual")
    else:
        assert report.left["neurons"] == f"{function!r} has no residual_dtype"


def test_a_surrogate_that_is_called_on_a_unit_is_left():
    """`Scaled` would not know what counts as 1."""

    class Own(braintools.surrogate.Surrogate):
        def __call__(self, x):
            return (x >= 0 * u.mV).astype(jnp.float32)

    class InMillivolts(Network):
        def update(self, x):
            return self.neurons.spk_fun(self.input(x) * u.mV)

    report = saved(InMillivolts(Own()))
    assert report.left["neurons"].endswith("and Scaled needs a scale for mV")


def test_convolutions():
    """Spikes that pass through a convolution, a pool and another convolution."""

    class Images(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = brainstate.nn.Conv2d((8, 8, 2), 4, 3)
            self.neurons = Neurons(n=(8, 8, 4))
            self.pool = brainstate.nn.MaxPool2d(2, 2, channel_axis=-1, in_size=(8, 8, 4))
            self.second = brainstate.nn.Conv2d((4, 4, 4), 4, 3)
            self.line = brainstate.nn.Conv1d((16, 4), 2, 3)

        def update(self, x):
            pooled = self.pool(self.neurons(self.first(x)))
            return self.second(pooled), self.line(pooled.reshape(-1, 16, 4))

    model = Images()
    report = saved(model, jnp.ones((5, 8, 8, 2)))
    assert report.changed["second"] == "SpikeConv2d"
    assert report.changed["line"] == "SpikeConv1d"
    assert set(report.left) == {"first"}
    assert saved(model, jnp.ones((5, 8, 8, 2))).left["line"] == "it is a SpikeConv1d already"


def test_other_layers_are_left():
    """They may be called in their own way as well."""

    class Own(Linear):
        def update(self, x, *, power):
            return super().update(x) ** power

        def __call__(self, x):
            return self.update(x, power=2)

    network = Network()
    network.recurrent = Own(N, N)
    assert saved(network).left["recurrent"] == "Own has its own way to multiply"


def test_a_mean_over_time_is_no_spike():
    class Rates(Network):
        def update(self, x):
            return self.layers[0](0.5 * (super().update(x)[:, :1] + jnp.ones((1, N))))

    assert "layers.0" in saved(Rates()).left


def test_model_and_states_are_as_before():
    network = Network()
    brainstate.nn.init_all_states(network, 5)
    network.neurons.V.value = jnp.full((5, N), 0.3)
    saved(network)
    assert_close(network.neurons.V.value, jnp.full((5, N), 0.3))
    untouched = Network()
    saved(untouched)
    assert not hasattr(untouched.neurons, "V")


def test_the_record():
    record = SavedMemory(changed={"a": "SpikeLinear"}, left={"long.name": "it was not called"})
    assert str(record) == "a          SpikeLinear\nlong.name  left: it was not called"
    assert SavedMemory.from_json(record.to_json()) == record
    assert "<td>left: it was not called</td>" in record._repr_html_()


def test_without_neurons():
    with pytest.raises(ValueError, match=r"found none in Linear.*spk_fun"):
        save_memory(Linear(3, 4), X)
