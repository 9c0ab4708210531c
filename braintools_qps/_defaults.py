"""What `compare` does where nothing else is asked for, its tasks and its files.

Nothing is imported here, so that the command line can say all of it before it has loaded JAX.
"""

SURROGATES = ("Sigmoid", "S2NN", "QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)")
SEEDS = 5

TASKS = ("digits-rows", "digits-pixels", "mnist-rows", "mnist-pixels", "cue-recall", "randman")
TASK = "digits-rows"
BINS = 100  # for spike times

EPOCHS = 20
BATCH_SIZE = 32
LEARNING_RATE = 0.1
# Adam divides by the usual size of gradients, so a norm this low makes no step smaller; it evens
# out those of odd batches. It decides nevertheless, which is why it is an option.
CLIP = 0.03

LEARNING_RATES = (0.1, 0.03, 0.3, 0.01)  # of settings that do alike, the first wins
DAMPENINGS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"
FIGURE_NAME, REPORT_NAME = "comparison.png", "comparison.html"
JOURNAL_NAME, CHECKPOINT_NAME = "comparison.runs.jsonl", "comparison.running.npz"
