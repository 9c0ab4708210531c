"""Models of the user's own: what trains, and that it trains as a plain loop would."""

import brainstate
import brainunit as u
import comparison_models as models
import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.interpreters import mlir

from braintools_qps import QPseudoSpike, compare
from braintools_qps._comparison.experiment import Experiment
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.model import initialised, put, run_over
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.plan import Candidate, Run
from braintools_qps._comparison.run import initial_weights
from braintools_qps._comparison.tasks import load_task
from braintools_qps._comparison.train import Trainer

rng = np.random.default_rng(0)
Y = np.arange(96) % 2
X = 0.3 * rng.standard_normal((96, 6, 3))
X[np.arange(96), :, Y] += 1

QUICK = {"task": (X, Y), "tune": None, "seeds": 2}


def experiment_of(make, optimizer=None, epochs=1):
    task = load_task((X, Y))
    return Experiment(Factory(make), task, objective(task), optimizer, 16, 0.05, epochs)


def trained(experiment, surrogate, seed):
    """The outcome of one run."""
    (outcome,) = Trainer(experiment, 1).train([Run(Candidate("one", surrogate, {}), {}, seed)])
    return outcome


def test_training_equals_a_plain_loop():
    # The same model, data, order of samples and optimizer, written down without this package:
    # unrolled steps, jax.grad and optax on a dictionary of arrays.
    surrogate, rate = QPseudoSpike(2.0), 0.05

    def adam(learning_rate, steps):
        return optax.adam(optax.cosine_decay_schedule(learning_rate, steps))

    experiment = experiment_of(models.plain, adam, epochs=2)
    start = initial_weights(experiment, surrogate, 7).trained
    outcome = trained(experiment, surrogate, 7)

    first, second = (start[name] for name in sorted(start))
    weights = (first, second)
    data, key = experiment.task.part("train", seed=7), jax.random.key(7)

    def loss(weights, inputs, labels):
        (into, out), V, answers = weights, 0.0, []
        for step in range(inputs.shape[1]):
            V = 0.8 * V + inputs[:, step] @ into["weight"] + into["bias"]
            spikes = surrogate(V - 1)
            V = V * (1 - spikes)
            answers.append(spikes @ out["weight"] + out["bias"])
        logits = jnp.mean(jnp.stack(answers), axis=0)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    batches = len(data.labels) // 16
    memory = optax.adam(rate).init(weights)
    losses = []
    for epoch in range(2):
        orders = jax.random.split(key)[0]
        order = jax.random.permutation(jax.random.fold_in(orders, epoch), len(data.labels))
        for batch in range(batches):
            rows = order[16 * batch : 16 * (batch + 1)]
            value, slope = jax.value_and_grad(loss)(weights, data.inputs[rows], data.labels[rows])
            now = rate * (1 + np.cos(np.pi * (epoch + batch / batches) / 2)) / 2
            change, memory = optax.adam(now).update(slope, memory)
            weights = optax.apply_updates(weights, change)
            losses.append(value)
    expected = np.mean(np.reshape(losses, (2, batches)), axis=1)
    np.testing.assert_allclose(outcome.curves.loss, expected, rtol=1e-4)
    for name, values in zip(sorted(start), weights):
        for part, value in values.items():
            got = outcome.weights[name][part]
            np.testing.assert_allclose(got, value, rtol=1e-3, atol=1e-4, err_msg=name + part)


@pytest.mark.parametrize(
    ("make", "surrogates"),
    [
        pytest.param(
            models.millivolts,
            ["QPseudoSpike(scale='10 mV')", "Scaled('Sigmoid', scale='10 mV')"],
            marks=pytest.mark.thorough,
        ),
        pytest.param(models.two_kinds, ["Sigmoid"], marks=pytest.mark.thorough),
        pytest.param(models.normalised, ["QPseudoSpike"], marks=pytest.mark.thorough),
    ],
)
def test_models_train(make, surrogates):
    comparison = compare(surrogates, model=make, epochs=6, batch_size=16, **QUICK)
    for result in comparison.results:
        assert result.error is None
        assert np.mean(result.scores.test) > 0.8  # chance is 0.5
        assert (
            np.mean(result.curves.loss, axis=0)[-1] < 0.8 * np.mean(result.curves.loss, axis=0)[0]
        )
        assert 0 < np.mean(result.scores.firing_rate) < 1
        assert not result.flags
        weights = comparison.weights(result.label, 0)
        has_units = any(isinstance(value, u.Quantity) for value in weights.values())
        assert has_units == (make is models.millivolts)


@pytest.mark.thorough
def test_running_means_outlive_a_batch_and_evaluation_leaves_them():
    experiment = experiment_of(models.normalised)
    start = initial_weights(experiment, QPseudoSpike(), 0).kept
    mean = next(name for name in start if name.endswith("running_mean"))
    np.testing.assert_array_equal(start[mean], 0)
    weights = trained(experiment, QPseudoSpike(), 0).weights
    after = np.asarray(weights[mean])
    assert (np.abs(after) > 1e-3).any()
    model, samples = experiment.model(QPseudoSpike()), experiment.task.part("test").inputs
    _, running = initialised(model, len(samples))
    put(running, weights)
    run_over(model, jnp.asarray(samples), fit=False)
    np.testing.assert_array_equal(running[mean].value, after)


@pytest.mark.thorough
def test_a_value_at_every_step():
    # The running mean of the first input, which leaky neurons can approximate.
    y = np.cumsum(X[:, :, :1], axis=1) / np.arange(1, 7)[:, None]
    comparison = compare(
        ["Sigmoid"], model=models.every_step, epochs=8, batch_size=16, **QUICK | {"task": (X, y)}
    )
    (result,) = comparison.results
    assert comparison.score == "-MSE"
    constant = -np.mean((y - y.mean()) ** 2)  # what the best constant would score
    assert np.mean(result.scores.test) > constant / 2
    assert "-MSE" in repr(comparison)


@pytest.mark.thorough
def test_a_label_at_every_step():
    y = np.where(X[:, :, 0] > X[:, :, 1], "first", "second")
    comparison = compare(
        ["Sigmoid"], model=models.plain, epochs=12, batch_size=16, **QUICK | {"task": (X, y)}
    )
    (result,) = comparison.results
    assert comparison.score == "accuracy"
    assert np.mean(result.scores.test) > 0.8  # chance is 0.5


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("make", "inputs", "scale", "same"),
    [
        (models.plain, 8 * X, None, False), (models.plain, 8 * X, 8, True),
        (models.plain, 8 * X * u.mV, 0.008 * u.volt, True), (None, 8 * X * u.mV, None, True),
    ],
)  # fmt: skip
def test_a_model_gets_inputs_as_they_are_and_the_demonstration_scales_them(
    make, inputs, scale, same
):
    """Eightfold inputs, which rounds nothing, are the same only if somebody divides them."""
    tasks = load_task((X, Y)), load_task((inputs, Y), scale=scale)
    options = {"epochs": 1, "batch_size": 16, "tune": None, "seeds": 1}
    one, other = (compare(["Sigmoid"], model=make, task=task, **options) for task in tasks)
    assert np.array_equal(*(made.results[0].curves.loss for made in (one, other))) == same
    assert ("Inputs were divided by 8" in repr(other)) == (scale is not None)


def test_numpy_weights_differ_by_seed_and_the_users_random_states_stay():
    def from_numpy(features, classes):
        model = models.plain(features, classes)
        weights = np.random.standard_normal((features, 8))  # noqa: NPY002 -- as users do
        model.layers[0].weight.value["weight"] = jnp.asarray(weights, jnp.float32)
        return model

    experiment = experiment_of(from_numpy)
    np.random.seed(5)  # noqa: NPY002
    brainstate.random.seed(5)
    expected = np.random.random(), brainstate.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    brainstate.random.seed(5)
    one, other, again = (initial_weights(experiment, QPseudoSpike(), s).trained for s in (0, 1, 0))
    assert (np.random.random(), brainstate.random.rand()) == expected  # noqa: NPY002
    name = min(one)
    assert not np.array_equal(one[name]["weight"], other[name]["weight"])
    np.testing.assert_array_equal(one[name]["weight"], again[name]["weight"])


@pytest.mark.thorough
def test_a_factory_that_takes_surrogate_puts_it_where_it_wants():
    seen = []

    class Other(models.Neurons):
        def update(self, x):
            seen.append(self.spk_fun)
            return super().update(x)

    def two_layers(features, classes, surrogate):
        chosen = models.Neurons(6)
        chosen.spk_fun = surrogate
        return brainstate.nn.Sequential(
            brainstate.nn.Linear(features, 6), Other(6), brainstate.nn.Linear(6, 6), chosen,
            brainstate.nn.Linear(6, classes),
        )  # fmt: skip

    compare(["Sigmoid"], model=two_layers, epochs=1, **QUICK | {"seeds": 1})
    assert seen
    assert all(getattr(one, "_spike", one) == QPseudoSpike() for one in seen)


@pytest.mark.thorough
def test_a_model_that_cannot_be_vmapped_trains_one_by_one_and_says_so():
    class Stubborn(brainstate.nn.Module):
        def update(self, x):
            return unbatched(x)

    def stubborn(features, classes):
        return brainstate.nn.Sequential(Stubborn(), *models.plain(features, classes).layers)

    options = {"epochs": 1, "batch_size": 16} | QUICK
    comparison = compare(["Sigmoid"], model=stubborn, **options)
    (result,) = comparison.results
    assert "without_batching" in result.one_by_one
    assert "one by one" in " ".join(repr(comparison).split())
    assert np.isfinite(result.curves.loss).all()


def without_batching():
    """The identity, as an operation that JAX cannot vmap."""
    primitive = jax.extend.core.Primitive("without_batching")
    primitive.def_abstract_eval(lambda x: x)
    mlir.register_lowering(primitive, lambda context, x: [x])
    return primitive.bind


unbatched = without_batching()
