"""What `compare` does where nothing else is asked for, its tasks and its files.

Nothing that takes time is imported here, so that the command line can say all of it before it has
loaded JAX.
"""

from typing import Literal, NamedTuple

SURROGATES = ("ReluGrad", "Sigmoid", "QPseudoSpike(alpha=8)")
SEEDS = 5


class NamedTask(NamedTuple):
    """A task that is known by name."""

    sentence: str
    builder: str  # file of `_comparison.tasks` and function in it


TASKS = {
    "digits-rows": NamedTask(
        "Scikit-learn's 1797 handwritten digits of 8 x 8 pixels, one row after the other and each "
        "for two steps: 16 steps of 8 features. Which digit is it?",
        "digits:digits_rows",
    ),
    "digits-pixels": NamedTask(
        "The same digits, one pixel at a time: 64 steps of one feature.", "digits:digits_pixels"
    ),
    "mnist-rows": NamedTask(
        "5000 handwritten digits of MNIST, one row of 28 pixels at a time: 28 steps of 28 "
        "features.",
        "digits:mnist_rows",
    ),
    "mnist-pixels": NamedTask(
        "The same digits of MNIST, one pixel at a time: 784 steps of one feature.",
        "digits:mnist_pixels",
    ),
    "cue-recall": NamedTask(
        "One of four inputs is on for 4 steps; after 20 steps of noise a fifth input asks which it "
        "was.",
        "synthetic:cue_recall",
    ),
    "randman": NamedTask(
        "Spike times on random manifolds: each class is a smooth random curve or surface in the "
        "space of all units' spike times, so that only the times tell, not the rates.",
        "synthetic:randman",
    ),
}
TASK = "digits-rows"
BINS = 100  # for spike times

EPOCHS = 60
BATCH_SIZE = 32
LEARNING_RATE = 0.03
# Of settings that do alike, the first wins.
TUNE = {"learning_rate": (0.1, 0.03, 0.01), "mean_slope": (0.1,)}

JSON_NAME = "comparison.json"
CSV_ROWS: dict[str, Literal["seeds", "epochs", "trials"]] = {
    "comparison.csv": "seeds",
    "comparison-curves.csv": "epochs",
    "comparison-trials.csv": "trials",
}
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"
FILES = (JSON_NAME, *CSV_ROWS, FIGURE_NAME, REPORT_NAME)
