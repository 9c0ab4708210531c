"""The paragraph for a methods section, each sentence where it applies."""

import dataclasses

import pytest
from made_comparison import compared, of, tuned

FIVE = {"A": (0.90, 0.92, 0.91, 0.90, 0.92), "B": (0.50, 0.52, 0.51, 0.50, 0.53)}
TASK = {
    "name": "gestures", "samples": {"train": 60, "validation": 20, "test": 20}, "steps": 16,
    "features": 8, "classes": 10,
}  # fmt: skip
TRAINED = {
    "model": "mine:network", "optimizer": "optax:adamw(), cosine schedule", "dt": "1.0 ms",
    "loss": "cross-entropy", "tune": {"learning_rate": [0.1, 0.03], "mean_slope": [0.1]},
}  # fmt: skip
VERSIONS = {"python": "3.99", "packages": {"jax": "0.99", "optax": "0.98"}, "device": "cpu: cpu"}


def whole(**settings):
    found = compared(
        tuned("A", FIVE["A"]), tuned("B", FIVE["B"], 1), settings=TRAINED | settings,
        environment=VERSIONS,
    )  # fmt: skip
    return dataclasses.replace(found, task=TASK)


def test_a_comparison_is_told_from_the_data_to_the_versions():
    assert whole().methods().split(". ") == [
        "Networks were trained on gestures (16 steps, 8 features, 10 classes)",
        "Each seed split the data into 60 training, 20 validation and 20 test samples",
        "The network was network with hidden 8, in time steps of 1.0 ms",
        "It was trained for 4 epochs in batches of 32 to minimise the cross-entropy with "
        "optax:adamw(), cosine schedule",
        "The norm of the gradient was clipped at 0.03",
        "The surrogates were A and B",
        "For each surrogate, every seed trained all combinations of learning rate (0.1, 0.03) and "
        "mean slope (0.1), and chose the one with the highest validation accuracy after the last "
        "epoch",
        "For a mean slope the dampening was lowered until no population had a larger mean "
        "surrogate gradient at the initial weights",
        "5 seeds per surrogate set the split, the initial weights and the order of the samples, "
        "the same for all surrogates",
        "The test accuracy after the last epoch is reported, as mean with a 95% t interval",
        "Surrogates were compared once, seed by seed, by the paired t test, at an error of 5% for "
        "all pairs together",
        "Versions: Python 3.99, jax 0.99 and optax 0.98, on cpu: cpu",
        "QPseudoSpike is the surrogate of L",
        "Herranz-Celotti and J",
        "Rouat, Stabilizing Spiking Neuron Training, arXiv:2202.00282, 2022.",
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (whole(options={}), "The network was network, in time steps of 1.0 ms."),
        (whole(prepare=True), "first brought into the range where neurons fire, the same for all"),
        (whole(tune={"alpha": [1, 2]}, learning_rate=0.03), "The learning rate was 0.03."),
        (whole(tune={"clip": [0.1]}), "Networks were trained with clip (0.1)."),
        (of(**FIVE, C=(0.7, 0.71, 0.72, 0.7, 0.7)), "by Tukey's range of paired differences"),
        (of(**FIVE), "The surrogates were A and B. Nothing was tuned; the learning rate was 0.1."),
        (of(A=FIVE["A"]), "The surrogate was A. Nothing was tuned; the learning rate was 0.1."),
        (of({"score": "-MSE"}, **FIVE), "The test -MSE after the last epoch"),
        (dataclasses.replace(whole(), task=TASK | {"has_own_test_part": True}),
         "20 test samples. The test samples came with the data."),
    ],
)  # fmt: skip
def test_a_sentence_where_it_applies(found, said):
    assert said in found.methods()


def test_what_does_not_apply_is_not_said():
    assert "clipped" not in whole(tune={"clip": [0.1, 0.2]}).methods()
    other = dataclasses.replace(of(A=(0.9, 0.8)), candidates=({"name": "Sigmoid"},))
    assert "QPseudoSpike" not in other.methods()
    assert "compared once" not in other.methods()
