"""What `compare` does where nothing else is asked for, its tasks and its files.

Nothing that takes time is imported here, so that the command line can say all of it before it has
loaded JAX.
"""

SURROGATES = ("ReluGrad", "Sigmoid", "QPseudoSpike(alpha=8)")
SEEDS = 5
TASKS = {  # file of `_comparison.tasks`, and the function in it whose docstring describes the data
    "digits-rows": "digits:digits_rows",
    "digits-pixels": "digits:digits_pixels",
    "mnist-rows": "digits:mnist_rows",
    "mnist-pixels": "digits:mnist_pixels",
    "cue-recall": "synthetic:cue_recall",
    "randman": "synthetic:randman",
}
TASK = "digits-rows"
BINS = 100  # for spike times

SAMPLES = 64  # that `gradient_flow` and `prepare` look at
EPOCHS = 60
BATCH_SIZE = 32
LEARNING_RATE = 0.03
# Of settings that do alike, the first wins.
TUNE = {"learning_rate": (0.1, 0.03, 0.01), "mean_slope": (0.1,)}

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"
FILES = (JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME)
