"""What `compare` does where nothing else is asked for, its tasks and its files.

Nothing that takes time is imported here, so that the command line can say all of it before it has
loaded JAX.
"""

SURROGATES = ("ReluGrad", "Sigmoid", "QPseudoSpike(alpha=8)")
SEEDS = 5
MOST_SEEDS = 1_000_000  # a larger number is probably meant as one seed
TASKS = ("digits-rows", "digits-pixels", "mnist-rows", "mnist-pixels")
TASK = "digits-rows"

SAMPLES = 64  # that `gradient_flow` and `prepare` look at; more would only take longer
EPOCHS = 60
BATCH_SIZE = 32
LEARNING_RATE = 0.01
# Of settings that do alike, the one nearest the middle wins.
TUNE = {"learning_rate": (0.1, 0.03, 0.01), "mean_slope": (0.1,)}

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"
FILES = (JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME)
