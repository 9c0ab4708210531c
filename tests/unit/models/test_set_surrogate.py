"""set_surrogate on brainstate modules; the neurons of other libraries are in integration."""

import brainstate
import jax
import jax.numpy as jnp
import pytest
from braintools.surrogate import ReluGrad, Sigmoid

from braintools_qps import QPseudoSpike, UnknownSurrogateError, set_surrogate


class Neuron(brainstate.nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.spk_fun = ReluGrad()
        self.weight = brainstate.ParamState(jnp.arange(float(size)))
        self.voltage = brainstate.HiddenState(jnp.zeros(size))

    def update(self, x):
        self.voltage.value = 0.5 * self.voltage.value + self.weight.value * x
        return self.spk_fun(self.voltage.value - 1.0)


class Recurrent(Neuron):
    pass


class Readout(brainstate.nn.Module):
    """Without a spike function."""

    def __init__(self):
        super().__init__()
        self.scale = brainstate.ParamState(jnp.ones(2))

    def update(self, x):
        return self.scale.value * x


class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Neuron()
        self.blocks = [Recurrent(), {"deep": brainstate.nn.Sequential(Neuron(), Readout())}]
        self.shared = self.first

    @property
    def neurons(self):
        return self.first, self.blocks[0], self.blocks[1]["deep"].layers[0]

    def update(self, x):
        for neuron in self.neurons:
            x = neuron(x)
        return x


@pytest.mark.parametrize("spec", ["QPseudoSpike(alpha=1.5)", QPseudoSpike(1.5)])
def test_every_neuron_at_any_depth_is_reached_once(spec):
    network = Network()
    assert set_surrogate(network, spec) == 3
    assert [neuron.spk_fun for neuron in network.neurons] == [QPseudoSpike(1.5)] * 3
    assert not hasattr(network.blocks[1]["deep"].layers[1], "spk_fun")


def test_a_single_neuron_and_a_collection_of_models_are_models():
    neuron = Neuron()
    assert set_surrogate(neuron, "QPseudoSpike") == 1
    assert neuron.spk_fun == QPseudoSpike()
    assert set_surrogate([Network(), {"a": neuron}], "QPseudoSpike") == 4


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        (Neuron, [True, True, True]),
        (Recurrent, [False, True, False]),
        ((Recurrent, Readout), [False, True, False]),
        (lambda neuron: type(neuron) is Neuron, [True, False, True]),
    ],
)
def test_where_chooses_by_type_or_predicate(where, changed):
    network = Network()
    assert set_surrogate(network, "QPseudoSpike", where=where) == sum(changed)
    assert [neuron.spk_fun == QPseudoSpike() for neuron in network.neurons] == changed


@pytest.mark.parametrize("where", [Readout, lambda neuron: False])
def test_choosing_no_neuron_is_an_error(where):
    with pytest.raises(ValueError, match="chose none of blocks.0, .*, first. Pass the"):
        set_surrogate(Network(), "QPseudoSpike", where=where)


@pytest.mark.parametrize("model", [Readout(), brainstate.nn.Sequential(Readout())])
def test_a_model_without_neurons_is_an_error(model):
    with pytest.raises(ValueError, match="no node of the model has an attribute spk_fun. Give"):
        set_surrogate(model, "QPseudoSpike")


def test_classic_neurons_are_told_their_counterparts():
    dyn = pytest.importorskip("brainpy", reason="brainpy is not installed").dyn
    with pytest.raises(ValueError, match=r"Lif is one of brainpy's classic .*brainpy\.state\.LIF"):
        set_surrogate(dyn.Lif(4), "QPseudoSpike")


def test_each_population_can_have_its_own():
    network = Network()
    chosen = {"blocks": "Sigmoid", "blocks.1.deep": QPseudoSpike(3.0), "first": "QPseudoSpike"}
    assert set_surrogate(network, chosen) == 3
    first, recurrent, deep = (neuron.spk_fun for neuron in network.neurons)
    assert (first, deep) == (QPseudoSpike(), QPseudoSpike(3.0))
    assert type(recurrent) is Sigmoid


def test_populations_that_no_key_names_keep_what_they_have():
    network = Network()
    kept = network.first.spk_fun
    assert set_surrogate(network, {"blocks.0": "QPseudoSpike"}) == 1
    assert network.first.spk_fun is kept
    assert network.blocks[0].spk_fun == QPseudoSpike()


def test_a_key_that_names_no_population_is_an_error():
    with pytest.raises(ValueError, match=r"got 'second'\. There are blocks\.0, blocks\.1\.deep"):
        set_surrogate(Network(), {"first": "Sigmoid", "second": "Sigmoid"})


@pytest.mark.parametrize("spec", ["Sigmoid", {"first": "Sigmoid", "blocks": "Sigmoid"}])
def test_all_neurons_are_changed_or_none(spec):
    class Locked(Neuron):
        def __init__(self):
            brainstate.nn.Module.__init__(self)

        @property
        def spk_fun(self):
            return None

    network = Network()
    network.blocks.append(Locked())
    before = [neuron.spk_fun for neuron in network.neurons]
    with pytest.raises(AttributeError):
        set_surrogate(network, spec)
    assert all(n.spk_fun is spk_fun for n, spk_fun in zip(network.neurons, before))


def test_an_unknown_name_changes_nothing():
    network = Network()
    before = [neuron.spk_fun for neuron in network.neurons]
    with pytest.raises(UnknownSurrogateError):
        set_surrogate(network, "no_such_surrogate")
    assert all(n.spk_fun is spk_fun for n, spk_fun in zip(network.neurons, before))


def test_states_and_parameters_stay_as_they_are():
    network = Network()
    before = brainstate.graph.states(network)
    values = {path: state.value for path, state in before.items()}
    set_surrogate(network, "QPseudoSpike")
    after = brainstate.graph.states(network)
    assert before.keys() == after.keys()
    assert all(after[path] is before[path] for path in before)
    assert all(after[path].value is value for path, value in values.items())


def test_the_gradient_of_the_model_is_that_of_the_new_surrogate():
    neuron = Neuron(size=1)
    neuron.weight.value = jnp.array([2.0])

    def gradient():
        neuron.voltage.value = jnp.zeros(1)
        weights = {"weight": neuron.weight}
        return brainstate.transform.grad(lambda: neuron.update(0.25).sum(), weights)()["weight"]

    # The spike is a function of x = 2 * 0.25 - 1 = -0.5, and x of the weight with slope 0.25.
    assert jnp.allclose(gradient(), 0.25 * 0.3 * (1 - 0.5))  # ReluGrad: 0.3 * (1 - |x|)
    set_surrogate(neuron, "QPseudoSpike(alpha=1)")
    assert jnp.allclose(gradient(), 0.25 / 1.5)  # 1 / (1 + |x|)


def test_a_compiled_function_keeps_its_surrogate_as_documented():
    neuron = Neuron()
    compiled = jax.jit(lambda x: jax.grad(lambda x: neuron.spk_fun(x))(x))
    assert jnp.allclose(compiled(0.5), 0.15)
    set_surrogate(neuron, "QPseudoSpike(alpha=1)")
    assert jnp.allclose(compiled(0.5), 0.15)


def test_a_function_that_the_model_has_compiled_itself_gets_the_new_surrogate():
    neuron = Neuron()
    slope = lambda x: brainstate.transform.grad(lambda x: neuron.spk_fun(x).sum())(x)
    neuron.slope = brainstate.transform.jit(slope)
    assert jnp.allclose(neuron.slope(0.5), 0.15)  # ReluGrad: 0.3 * (1 - |x|)
    set_surrogate([neuron], "QPseudoSpike(alpha=1)")
    assert jnp.allclose(neuron.slope(0.5), 1 / 1.5)
