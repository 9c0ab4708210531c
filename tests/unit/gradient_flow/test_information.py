"""`gradient_flow` with labels: what a linear readout tells from the spikes of each population."""

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Memoryless
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps._gradient_flow.information import PENALTIES, lost_at, score
from braintools_qps.records import Information

STEPS, BATCH, N = 10, 200, 6


class Passing(brainstate.nn.Module):
    """Neurons that see the neurons before them, each with a weight."""

    def __init__(self, weights):
        super().__init__()
        self.weight = brainstate.ParamState(jnp.diag(jnp.asarray(weights)))
        self.neurons = Memoryless((BATCH, N), 0.5, QPseudoSpike(8.0, dampening=0.2))

    def update(self, x):
        return self.neurons(x @ self.weight.value)


def Chain(*weights):
    return brainstate.nn.Sequential(*map(Passing, weights))


def samples():
    """Three features that tell the class, and three that are noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, BATCH)
    inputs = rng.uniform(0, 1, (STEPS, BATCH, N))
    inputs[..., :3] *= np.where(np.eye(3)[labels], 1.0, 0.55)
    return jnp.asarray(inputs, jnp.float32), labels


def looked_at(model, inputs, labels):
    """The record of a model whose loss reads all steps."""
    return gradient_flow(model, inputs, labels=labels, objective=jnp.sum)["model"]


def told(flow):
    return [population.information for population in flow.populations]


def test_the_readout_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 8))
    labels = features @ rng.normal(size=(8, 2)) + rng.normal(size=(60, 2))
    order = np.random.default_rng(0).permutation(60)
    guesses = np.empty((60, 2))
    for test, fit in ((order[:30], order[30:]), (order[30:], order[:30])):
        scaler = StandardScaler().fit(features[fit])
        ridge = RidgeCV(30 * PENALTIES).fit(scaler.transform(features[fit]), labels[fit])
        guesses[test] = ridge.predict(scaler.transform(features[test]))
    residuals, spread = np.sum((labels - guesses) ** 2), np.sum((labels - labels.mean(0)) ** 2)
    assert score(features, labels) == pytest.approx(1 - residuals / spread, abs=1e-9)


def test_the_population_at_which_the_classes_are_lost():
    inputs, labels = samples()
    only_noise = [0.0] * 3 + [1.0] * 3
    flow = looked_at(Chain([1.0] * N, [1.0] * N, only_noise), inputs, labels)
    first, second, third = told(flow)
    assert first == second > 0.85  # the same spikes tell the same
    assert abs(third - 1 / 3) < 0.1
    assert (flow.diagnosis.cause, flow.diagnosis.population) == (
        "information lost",
        "layers.2.neurons",
    )
    assert f"tell {third:.0%} of the labels" in flow.diagnosis.text
    assert all(text in repr(flow) for text in ("tells", flow.information.sentence()))
    assert type(flow).from_json(flow.to_json()) == flow


@pytest.mark.parametrize("few", [48, 200])
def test_few_samples_are_no_proof_that_information_is_lost(few):
    """Of 48 samples, a readout is fitted to 8 of each class."""
    inputs, labels = samples()
    model = Chain([1.0] * N, [0.0] * 3 + [1.0] * 3)
    for layer in model.layers:
        layer.neurons.V.value = jnp.zeros((few, N))
    flow = looked_at(model, inputs[:, :few], labels[:few])
    assert abs(told(flow)[-1] - 1 / 3) < 0.15
    assert (flow.diagnosis.cause == "information lost") == (few == 200)


def test_a_silent_population_is_not_said_to_lose_information():
    """Those below the threshold by a little wake up in training."""
    inputs, labels = samples()
    flow = looked_at(Chain([1.0] * N, [0.45] * N), inputs, labels)
    assert flow.populations[1].activity.is_silent
    assert flow.diagnosis.cause != "information lost"


def test_classes_can_be_words_and_nothing_is_lost_where_the_last_population_tells():
    inputs, labels = samples()
    words = np.array(["cat", "dog", "fox"])[labels]
    flows = [looked_at(Chain([1.0] * N), inputs, y) for y in (labels, words)]
    assert told(flows[0]) == told(flows[1])
    assert flows[0].diagnosis.cause == "none"


def test_numbers_are_told_by_r_squared():
    inputs, _ = samples()
    spikes = (inputs >= 0.5).sum(axis=0)
    flow = gradient_flow(Chain([1.0] * N), inputs, labels=spikes[:, :2] * 0.5)["model"]
    assert flow.information.kind == "numbers"
    assert told(flow) == [pytest.approx(1.0, abs=1e-3)]  # the labels are linear in the counts


def test_nothing_is_said_where_the_inputs_tell_nothing():
    inputs, labels = samples()
    shuffled = np.random.default_rng(2).permutation(labels)
    assert looked_at(Chain([1.0] * N), inputs, shuffled).diagnosis.cause == "none"


@pytest.mark.parametrize(
    ("labels", "batch", "got"),
    [
        (np.zeros(BATCH - 1), BATCH, r"shape \(199,\) for a batch of 200"),
        (3, BATCH, r"shape \(\) for"),
        (np.zeros((BATCH, STEPS), int), BATCH, r"classes of shape \(200, 10\)"),
        (np.full(BATCH, np.nan), BATCH, "NaN or infinity"),
        ([0, 1, 0], 3, r"shape \(3,\) for a batch of 3"),
        ([1], None, r"shape \(1,\) for a batch of None"),
    ],
)
def test_labels_that_do_not_fit(labels, batch, got):
    inputs = jnp.ones((STEPS, N) if batch is None else (STEPS, batch, N))
    with pytest.raises(ValueError, match=f"(?s)labels must be a class.*Got {got}"):
        gradient_flow(Chain([1.0] * N), inputs, labels=labels)


@pytest.mark.parametrize(
    ("samples", "inputs", "each", "expected"),
    [
        # Chance is 10%. Two standard errors of a share are at most 1 / sqrt(samples).
        (10_000, 0.9, (0.9, 0.17), 1),  # below 10% + a tenth of 80%
        (10_000, 0.9, (0.9, 0.19), None),
        (10_000, 0.9, (0.17, 0.9, 0.17, 0.12), 2),  # what comes back was not lost
        (10_000, 0.9, (0.12, 0.17), 0),
        (400, 0.5, (0.5, 0.145), 1),  # below 10% + 5%, which is more than a tenth of 40%
        (400, 0.5, (0.5, 0.155), None),
        (400, 0.19, (0.19, 0.1), None),  # the best is not clearly above chance
        (150, 0.9, (0.9, 0.1), None),  # fewer than 20 samples per class
    ],
)
def test_information_is_lost_where_next_to_nothing_is_left_above_chance(
    samples, inputs, each, expected
):
    assert lost_at(Information("classes", inputs, 0.1, samples), each) == expected
