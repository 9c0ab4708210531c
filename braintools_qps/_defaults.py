"""What `compare` does where nothing else is asked for, its tasks and its files.

Nothing that takes time is imported here, so that the command line can say all of it before it has
loaded JAX.
"""

SURROGATES = ("ReluGrad", "Sigmoid", "QPseudoSpike(alpha=8)")
# The one advice: README, pages, docstrings and printed lines quote it, and a test compares them.
# With the rate tuned it lost 0.4 points on six held-out problems, and 1.5 at most on one of them.
ADVICE = (
    "Start with QPseudoSpike(alpha=8) and the learning rate that prepare names. "
    "Tune the rate with compare when it matters. "
    "Lower the dampening of fat tails (S2NN, alpha 2), and avoid fatter ones (alpha 1 and below)."
)

SEEDS = 5
MOST_SEEDS = 1_000_000  # a larger number is probably meant as one seed
TASKS = ("digits-rows", "digits-pixels", "mnist-rows", "mnist-pixels")
TASK = "digits-rows"

SAMPLES = 64  # that `gradient_flow` and `prepare` look at; more would only take longer
EPOCHS = 60
BATCH_SIZE = 32
LEARNING_RATE = 0.01
# Of settings that do alike, the one nearest the middle wins.
TUNE = {"learning_rate": (0.1, 0.03, 0.01)}

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"
FILES = (JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME)
