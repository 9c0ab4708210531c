"""The trial: the same losses as a training by hand, and the forms of what is said of it."""

from functools import cache

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flow_networks import SURROGATE, only
from flow_networks import Layer as ForOneBatch
from helpers import FLOAT16, linear, thorough, untouched
from lif_networks import N, Network
from scipy.stats import entropy
from small_stacks import Layer, Stack, inputs

from braintools_qps import QPseudoSpike, gradient_flow, load_task, prepare
from braintools_qps.records import LearningTrial

STEPS, BATCH, CLASSES = 20, 16, 4
ADAM = optax.scale_by_adam()

pytestmark = pytest.mark.usefixtures("one_millisecond")


class Classifier(Network):
    """Two LIF layers and a readout, with the gain of their currents."""

    def __init__(self, gain=20.0, keep=1.0):
        super().__init__((N,), spk_fun=QPseudoSpike(alpha=2.0, dampening=0.3))
        self.gain, self.readout = gain, linear(N, CLASSES)
        self.dropout = brainstate.nn.Dropout(keep)

    def update(self, x):
        return self.readout(self.dropout(self.lif[0](self.gain * self.linear[0](x) * u.mA)))


def classifier(**options):
    brainstate.random.seed(0)
    return Classifier(**options)


@cache
def data():
    samples = jax.random.uniform(jax.random.key(1), (BATCH, N))
    return jnp.broadcast_to(samples, (STEPS, BATCH, N)), np.arange(BATCH) % CLASSES


def cross_entropy(labels):
    return lambda outputs: optax.softmax_cross_entropy_with_integer_labels(
        outputs.mean(axis=0), labels
    ).mean()


@cache
def by_hand():
    """The weights of a classifier, their values, and a program for the gradient."""
    model, (inputs, labels) = classifier(), data()
    weights = model.states(brainstate.ParamState)

    def value():
        brainstate.nn.init_all_states(model, BATCH)
        with brainstate.environ.context(fit=True):
            return cross_entropy(labels)(brainstate.transform.for_loop(model.update, inputs))

    gradient = brainstate.transform.grad(value, weights, return_value=True)
    values = {path: weight.value for path, weight in weights.items()}
    return weights, values, brainstate.transform.jit(gradient)


@jax.jit
def updated(values, sizes, slopes, memory):
    changes, memory = ADAM.update(slopes, memory)
    return jax.tree.map(lambda x, s, c: x - s * c, values, sizes, changes), memory


def trained_by_hand(sizes, steps):
    """Losses of Adam, by optax, on the model itself, as a user writes it."""
    weights, values, gradient = by_hand()
    sizes, memory, losses = sizes(values), ADAM.init(values), []
    for _ in range(steps):
        for path, weight in weights.items():
            weight.value = values[path]
        slopes, lost = gradient()
        values, memory = updated(values, sizes, slopes, memory)
        losses.append(float(lost))
    return losses


def relative(weights):
    """A tenth of the root mean square of each weight."""
    size = lambda w: 0.1 * np.sqrt(np.mean(np.square(w))) if np.any(w) else 0.01
    return jax.tree.map(size, weights)


def test_losses_are_those_of_a_training_by_hand():
    inputs, labels = data()
    trial = only(gradient_flow(classifier(), inputs, labels=labels)).trial
    steps = len(trial.losses)
    expected = trained_by_hand(relative, steps)
    np.testing.assert_allclose(trial.losses, expected, rtol=2e-3)
    half = trial.half_after
    assert trial.losses[half] <= np.log(4) / 2 < min(trial.losses[:half])


@pytest.mark.thorough
def test_the_labels_of_a_task_count():
    draws, y = np.random.default_rng(0).random((40, STEPS, N)), np.arange(40) % 3
    task = load_task((draws * (np.arange(N) % 3 == y[:, None])[:, None], y))
    flow = only(gradient_flow(classifier(), task))
    assert "with your labels" in flow.read
    assert flow.trial.constant == pytest.approx(entropy(np.bincount(task.batch(64).labels)), 1e-5)
    assert "with your labels" in prepare(classifier(), task).read


FAR = np.linspace(-30.0, 50.0, BATCH)[:, None]
NUMBERS = np.linspace(0.0, 1.0, BATCH * CLASSES).reshape(BATCH, CLASSES)


@pytest.mark.parametrize(
    ("target", "constant"),
    [
        ({"labels": ["a"] * 12 + ["b"] * 4}, entropy([0.75, 0.25])),
        ({"labels": NUMBERS}, NUMBERS.var(axis=0).mean()),
        ({"objective": lambda x: 1e-5 * cross_entropy(data()[1])(x)}, 1e-5 * np.log(4)),
        ({"objective": lambda x: jnp.mean((x - FAR) ** 2)}, np.var(FAR)),
        ({"objective": lambda x: jnp.mean((x - 0.5) ** 2)}, None),  # 0: the first loss counts
    ],
    ids=["classes", "numbers", "small", "far", "perfect"],
)
def test_the_best_constant_answer_is_the_entropy_or_the_variance(target, constant):
    trial = only(gradient_flow(classifier(), data()[0], **target)).trial
    assert trial.constant == pytest.approx(constant or trial.losses[0], rel=1e-3)


def test_a_constant_answer_of_spikes_is_from_0_to_1():
    flow = only(gradient_flow(Layer(1.0), inputs(), objective=lambda x: (x.mean() + 1) ** 2))
    assert flow.trial.constant == pytest.approx(1)


def test_nothing_of_the_model_changes_and_dropout_draws_anew():
    model = classifier(keep=0.5)
    key = brainstate.random.DEFAULT.value
    with untouched(model):
        trial = only(gradient_flow(model, data()[0], labels=data()[1])).trial
    assert brainstate.random.DEFAULT.value is key
    without = trained_by_hand(relative, 3)
    assert not np.allclose(trial.losses[:3], without, rtol=1e-3)


@pytest.mark.parametrize(
    "dtype",
    ["float32", pytest.param("float16", marks=[*FLOAT16.marks, pytest.mark.thorough])],
)
def test_trials_of_half_precision_and_without_promotion_of_dtypes(dtype):
    model = Stack(Layer(1.0))
    model.out.value = model.out.value.astype(dtype)
    model.layers[0].spk_fun = lambda x, spike=model.layers[0].spk_fun: spike(x).astype(dtype)
    with jax.numpy_dtype_promotion("strict" if dtype == "float32" else "standard"):
        flow = only(gradient_flow(model, inputs(), objective=lambda x: jnp.mean((x - 30) ** 2)))
    assert flow.trial.moves


def test_the_training_is_compiled_once_for_weights_of_weak_type_too(caplog):
    model = Stack(Layer(1.0))
    model.out.value = jnp.full(model.out.value.shape, 0.3)
    assert model.out.value.weak_type
    with jax.log_compiles():
        assert len(only(gradient_flow(model, inputs())).trial.losses) > 10  # more than one piece
    assert sum("XLA compilation of jit(train)" in line for line in caplog.messages) == 1


def shown_images(samples):
    return jnp.broadcast_to(jax.random.uniform(jax.random.key(0), (samples, N)), (10, samples, N))


@pytest.mark.parametrize(
    ("labels", "shares"),
    [
        (np.arange(128) % 2, [1, 1]),  # of evenly spread ones, 63 would be of one class
        thorough(np.arange(640) % 160 == 3, [63, 1]),
    ],
)
def test_of_many_samples_64_are_looked_at_as_many_of_each_class_as_it_has(labels, shares):
    flow = only(gradient_flow(classifier(), shown_images(len(labels)), labels=labels))
    assert (flow.samples, flow.trial.samples) == (64, 64)
    assert f"64 of {len(labels)} samples" in flow.read
    assert flow.trial.constant == pytest.approx(entropy(shares), 1e-5)


@pytest.mark.thorough
def test_of_a_model_that_is_made_for_one_size_of_batch_all_samples_are_run():
    weights, images = jnp.eye(6), shown_images(70)[..., :6]
    flow = only(gradient_flow(ForOneBatch(weights, SURROGATE, shape=(70, 6)), images))
    assert (flow.samples, flow.trial.samples) == (70, 64)


def test_nan_is_found_in_every_sample():
    images = shown_images(70).at[3, 11].set(jnp.nan)  # a sample that is not among 64
    said = str(only(gradient_flow(classifier(), images)).diagnosis)
    assert f"the inputs hold NaN or infinity: {N} values, the first at step 3, sample 11" in said


@pytest.mark.thorough
def test_an_objective_gets_the_outputs_of_all_samples():
    labels = np.arange(70) % CLASSES
    loss = lambda out: -jax.nn.log_softmax(out.mean(0))[np.arange(70), labels].mean()
    assert only(gradient_flow(classifier(), shown_images(70), objective=loss)).trial.samples == 70


def test_a_learning_rate_is_the_smallest_that_is_about_as_good():
    done = prepare(classifier(), data()[0], labels=data()[1])
    assert (done.before.cause, done.lines) == ("none", ())
    ends = {}
    for rate in (0.1, 0.03, 0.01, 0.003, 0.001):
        same = lambda weights, rate=rate: jax.tree.map(lambda w: rate, weights)
        ends[rate] = np.mean(trained_by_hand(same, 40)[-5:])
    good = [rate for rate, end in ends.items() if end <= min(ends.values()) + 0.1 * np.log(4)]
    assert done.learning_rate == min(good)


@pytest.mark.parametrize(
    ("losses", "learns", "soon", "moves", "gone"),
    [
        ((2.0, 1.5, 0.9), True, True, True, 0.55),
        ((2.0, *[1.5] * 60, 0.9), True, False, True, 0.55),
        ((2.0, 1.99, 1.99), False, False, False, 0.005),
        ((2.0, np.nan, np.nan), False, False, False, 0.0),
        ((5.0, 2.0, 1.9), False, False, True, 0.05),
    ],
)
def test_forms(losses, learns, soon, moves, gone):
    trial = LearningTrial(losses, constant=2.0, samples=64)
    assert (trial.learns, trial.learns_soon, trial.moves) == (learns, soon, moves)
    assert trial.share_gone == pytest.approx(gone)
