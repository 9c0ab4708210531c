"""Training: as a plain loop does it, whatever the model, the memory and the number of cores."""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import brainpy
import brainstate
import brainunit as u
import comparison_models as models
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import linear, thorough
from small_comparison import OPTIONS

from braintools_qps import QPseudoSpike, compare, load_task
from braintools_qps._comparison import devices, seeded
from braintools_qps._comparison.devices import Devices
from braintools_qps._comparison.programs import Programs

rng = np.random.default_rng(0)
Y = np.arange(96) % 2
X = 0.3 * rng.standard_normal((96, 6, 3))
X[np.arange(96), :, Y] += 1
QUICK = {"task": (X, Y), "tune": None, "seeds": 2, "batch_size": 16, "epochs": 1}


def adam(learning_rate, steps):
    return optax.adam(optax.cosine_decay_schedule(learning_rate, steps))


def test_training_equals_a_plain_loop():
    # The same model, data, order of samples and optimizer, written down without this package:
    # unrolled steps, jax.grad and optax on a dictionary of arrays.
    surrogate, rate, key = QPseudoSpike(2.0), 0.05, jax.random.key(7)
    training = {"optimizer": adam, "learning_rate": rate, "epochs": 2, "seeds": [7]}
    # Beside another candidate, which has the same weights and batches
    both = {"other": "Sigmoid", "one": surrogate}
    trained = compare(both, model=models.plain, **QUICK | training)
    with seeded(key, 7):
        model = models.plain(3, 2)
    weights = tuple(model.layers[n].weight.value for n in (0, 2))
    data = load_task((X, Y)).part("train", seed=7)
    inputs, labels = jnp.asarray(data.inputs), jnp.asarray(data.labels)

    def loss(weights, inputs, labels):
        (into, out), V, answers = weights, 0.0, []
        for step in range(inputs.shape[1]):
            V = 0.8 * V + inputs[:, step] @ into["weight"] + into["bias"]
            spikes = surrogate(V - 1)
            V = V * (1 - spikes)
            answers.append(spikes @ out["weight"] + out["bias"])
        logits = sum(answers) / len(answers)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    batches, memory, losses = len(labels) // 16, optax.adam(rate).init(weights), []

    @jax.jit
    def updated(weights, memory, rows, rate):
        value, slope = jax.value_and_grad(loss)(weights, inputs[rows], labels[rows])
        change, memory = optax.adam(rate).update(slope, memory)
        return value, optax.apply_updates(weights, change), memory

    for epoch in range(2):
        orders = jax.random.split(key)[0]
        order = np.asarray(jax.random.permutation(jax.random.fold_in(orders, epoch), len(labels)))
        for batch in range(batches):
            rows = order[16 * batch : 16 * (batch + 1)]
            now = rate * (1 + np.cos(np.pi * (epoch + batch / batches) / 2)) / 2
            value, weights, memory = updated(weights, memory, rows, now)
            losses.append(value)
    (curve,) = trained.results[1].curves.loss
    np.testing.assert_allclose(curve, np.mean(np.reshape(losses, (2, batches)), axis=1), rtol=1e-4)
    ours = trained.weights("one", 7)
    for name, values in zip(sorted(ours), weights):
        for part, value in values.items():
            np.testing.assert_allclose(ours[name][part], value, rtol=1e-3, atol=1e-4)


@pytest.mark.thorough
def test_an_optimizer_that_keeps_its_rate_in_its_state_trains_at_each_rate():
    """`optax.inject_hyperparams` trains as the optimizer without it."""
    made = []

    def injected(learning_rate):
        usual = optax.inject_hyperparams(optax.sgd)(learning_rate)
        return usual._replace(init=lambda weights: made.append(weights) or usual.init(weights))

    options = QUICK | {"tune": {"learning_rate": (1.0, 1e-6)}, "seeds": [0]}
    usual, kept = (
        compare(["ReluGrad"], optimizer=each, **options).results[0].tuning.trials
        for each in (lambda learning_rate: optax.sgd(learning_rate), injected)
    )
    assert [trial.loss for trial in usual] == [trial.loss for trial in kept]
    assert usual[0].loss < usual[1].loss
    assert len(made) == 4  # one state for the probe of each run, and one for its training


Dropout = partial(brainstate.nn.Dropout, 0.5)


class Noise(brainstate.nn.Module):
    def update(self, x):
        return x + brainstate.environ.get("fit") * brainstate.random.normal(size=x.shape)


@pytest.mark.parametrize(
    ("layer", "differ"),
    [(Dropout, True), thorough(Noise, True), thorough(brainstate.nn.Identity, False)],
)
def test_dropout_and_noise_are_drawn_anew_in_each_epoch(layer, differ):
    """Weights stay, and all samples are alike, so that only what is drawn changes the loss."""

    def network(features, classes):
        model = models.plain(features, classes)
        return brainstate.nn.Sequential(*model.layers[:2], layer(), model.layers[2])

    alike = {"task": (np.repeat(10 * X[:1], 96, axis=0), Y), "epochs": 3, "seeds": 1}
    still = {"optimizer": lambda learning_rate: optax.set_to_zero()}
    size = lambda outputs, y: (outputs**2).mean()
    trained = compare(["Sigmoid"], model=network, loss=size, **QUICK | alike | still)
    (curve,) = trained.results[0].curves.loss
    assert len({round(loss, 6) for loss in curve}) == (3 if differ else 1)


def with_a_silent_layer(features, classes):
    """Its second neurons are inhibited, too far from the threshold for ReluGrad's gradient."""
    negative = -jnp.abs(brainstate.random.normal(0.0, 0.3, (12, 8)))
    neurons = lambda size: brainpy.state.LIF(size, tau=5 * u.ms, V_th=1 * u.mV)
    return brainstate.nn.Sequential(
        linear(features, 12), lambda x: 10 * x * u.mA, neurons(12),
        linear(12, 8, w_init=negative), lambda x: x * u.mA, neurons(8),
        linear(8, classes),
    )  # fmt: skip


# The running mean of the first input, which leaky neurons can approximate
MEAN = np.cumsum(X[:, :, :1], axis=1) / np.arange(1, 7)[:, None]
FIRST = np.where(X[:, :, 0] > X[:, :, 1], "first", "second")
LONGER = {"epochs": 12, "learning_rate": 0.03}
IN_MILLIVOLTS = ["QPseudoSpike(scale='10 mV')", "Scaled('Sigmoid', scale='10 mV')"]
NETWORKS = {  # a network, its surrogates, options, and what it scores at least; chance is 0.5
    "units": (models.millivolts, IN_MILLIVOLTS, {}, 0.8),
    "two kinds of neurons": (models.TwoKinds, ["Sigmoid"], {}, 0.8),
    "states that outlive a batch": (models.normalised, ["QPseudoSpike"], {}, 0.8),
    "a number at every step": (  # half of what the best constant would score
        models.every_step, ["Sigmoid"], {"task": (X, MEAN)} | LONGER, -np.var(MEAN) / 2
    ),
    "a label at every step": (models.plain, ["Sigmoid"], {"task": (X, FIRST)} | LONGER, 0.8),
    "a silent layer": (with_a_silent_layer, ["ReluGrad"], {"prepare": True} | LONGER, 0.9),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_learn(name):
    make, surrogates, options, least = NETWORKS[name]
    comparison = compare(surrogates, model=make, **QUICK | {"epochs": 6} | options)
    assert comparison.score == ("-MSE" if least < 0 else "accuracy")
    for result in comparison.results:
        assert result.error is None
        assert np.mean(result.scores.test) > least
        first, *_, last = np.mean(result.curves.loss, axis=0)
        assert last < 0.8 * first
        assert 0 < np.mean(result.scores.firing_rate) < 1
        assert not result.flags
        weights = comparison.weights(result.label, 0)
        means = [value for name, value in weights.items() if name.endswith("running_mean")]
        assert all((np.abs(mean) > 1e-3).any() for mean in means)  # they outlive a batch
        assert len(means) == (make is models.normalised)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("make", "inputs", "same"), [(models.plain, 8 * X, False), (None, 8 * X * u.mV, True)]
)
def test_a_model_gets_inputs_as_they_are_and_the_usual_network_scales_them(make, inputs, same):
    """Eightfold inputs, which rounds nothing, are the same only if somebody divides them."""
    tasks = load_task((X, Y)), load_task((inputs, Y))
    options = QUICK | {"seeds": 1}
    one, other = (compare(["Sigmoid"], model=make, **options | {"task": task}) for task in tasks)
    assert np.array_equal(*(made.results[0].curves.loss for made in (one, other))) == same


def random_states():
    """Of the generators of this process."""
    of_brainstate = f"{brainstate.random.DEFAULT.value}"
    return np.random.get_state()[1].tolist(), of_brainstate, random.getstate()  # noqa: NPY002


@pytest.mark.thorough
def test_numpy_weights_differ_by_seed_and_the_users_random_states_stay():
    def from_numpy(features, classes):
        model = models.plain(features, classes)
        weights = np.random.standard_normal((features, 8))  # noqa: NPY002 -- as users do
        model.layers[0].weight.value["weight"] = jnp.asarray(weights, jnp.float32)
        return model

    before = random_states()
    trained = compare(["Sigmoid"], model=from_numpy, **QUICK)
    assert random_states() == before
    first = [min(trained.weights("Sigmoid", seed).items())[1]["weight"] for seed in (0, 1)]
    assert not np.allclose(*first, atol=0.2)


@pytest.mark.parametrize(("cores", "width"), [(2, 4), (8, 3)])
def test_runs_are_shared_out_over_the_cores(cores, width, monkeypatch):
    """Sixteen in the fewest turns: 2 cores take two of 4 runs each, 8 cores take one of 3."""
    shared, call, started = [], Programs._call, ThreadPoolExecutor.__init__

    def watched(self, function, runs):
        shared.append(self.width)
        return call(self, function, runs)

    def pool(self, threads):
        shared.append(threads)
        started(self, threads)

    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.setattr(Programs, "_call", watched)
    monkeypatch.setattr(ThreadPoolExecutor, "__init__", pool)
    compare(["QPseudoSpike"], **OPTIONS | {"seeds": 16, "epochs": 1})
    assert shared == [1, cores, width, cores, width, cores]  # the probe, the training, the test


@pytest.mark.thorough
def test_where_memory_is_full_half_of_the_runs_are_trained_at_once(monkeypatch):
    options = OPTIONS | {"seeds": 5, "epochs": 1}
    expected = compare(["QPseudoSpike"], **options).results[0]
    widths, most, call = [], 1, Programs._call

    def full(self, function, runs):
        widths.append(self.width)
        if self.width > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return call(self, function, runs)

    monkeypatch.setattr(Programs, "_call", full)
    monkeypatch.setattr(Devices, "width", lambda self, runs: runs)  # as on an accelerator
    halved = compare(["QPseudoSpike"], **options).results[0]
    assert widths == [1, 5, 2, 1, 1]  # for the probe, for training, then for the test
    np.testing.assert_allclose(halved.curves.loss, expected.curves.loss, rtol=1e-4)
    most = 0
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        compare(["QPseudoSpike"], **options)


@pytest.mark.thorough
def test_a_cpu_trains_no_more_at_once_than_half_its_memory_holds(monkeypatch):
    peak = lambda seeds: compare(["S2NN"], **OPTIONS | {"seeds": seeds}).results[0].cost.peak_bytes
    widest, alone = peak(3), peak(1)
    assert alone < widest
    monkeypatch.setattr(Devices, "memory", property(lambda self: 1.2 * alone))
    assert peak(3) == alone


def test_operations_are_those_of_the_trained_network():
    surrogate = QPseudoSpike(4.0, scale=10 * u.mV)
    scores = compare([surrogate], **OPTIONS | {"model": models.millivolts}).results[0].scores
    spikes = np.array(scores.spikes)
    assert np.all(spikes > 0)
    by_hand = 5 * 2 * 12 + spikes * 2  # steps x features x hidden, and spikes x classes
    np.testing.assert_allclose(scores.operations, by_hand, rtol=1e-5)


@pytest.mark.thorough
def test_operations_are_unknown_where_spikes_are():
    options = {"model": models.plain, "loss": lambda outputs, y: jnp.nan * outputs.sum()}
    scores = compare(["QPseudoSpike"], **OPTIONS | options).results[0].scores
    assert np.isnan([scores.spikes, scores.operations]).all()
