"""Trains a number of runs that eight does not divide, on all devices, and saves what they are."""

import sys
from functools import partial

import jax
import numpy as np
import optax

from braintools_qps import QPseudoSpike
from braintools_qps._comparison import demonstration
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.run import Experiment
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.train import Candidate, Group, Trainer

RUNS = 20
EPOCHS = 3


def momentum(learning_rate):
    """Adam would divide a gradient by its own size, and so blow up the rounding of a small one."""
    return optax.sgd(learning_rate, momentum=0.9)


def experiment():
    """A small recurrent network on two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.standard_normal((80, 6, 3)) + 0.5 * y[:, None, None]
    task = task_from_arrays(X, y)
    factory = Factory(partial(demonstration, hidden=12))
    return Experiment(factory, task, objective(task), momentum, 8, 0.1, EPOCHS)


def group():
    """Runs of one program: other seeds, rates and alphas."""
    rates = (0.03, 0.1, 0.3)
    settings = [{"alpha": 1.0 + n / 4, "learning_rate": rates[n % 3]} for n in range(RUNS)]
    numbered = tuple((setting, n // 2) for n, setting in enumerate(settings))
    return Group(Candidate("QPseudoSpike", QPseudoSpike(), {}), tuple(range(RUNS)), numbered)


class Kept:
    """In place of a store: keeps the weights after each epoch in memory."""

    def states_of(self, key, form):
        return None

    def is_due(self):
        return True

    def keep_states(self, key, states, curves):
        self.weights = jax.tree.leaves(states.weights)


def trained():
    """Weights, loss, score and best epoch of each run."""
    kept = Kept()
    found = Trainer(experiment(), RUNS).train(group(), store=kept)
    return {
        "weights": np.concatenate([np.reshape(leaf, (RUNS, -1)) for leaf in kept.weights], axis=1),
        "loss": np.array([one.curves.loss for one in found]),
        "score": np.array([one.curves.score for one in found]),
        "best": np.array([one.best_epoch for one in found]),
        "tested": np.array([one.tested.score for one in found]),
    }


def main(path):
    np.savez(path, devices=np.array([jax.local_device_count()]), **trained())


if __name__ == "__main__":
    main(sys.argv[1])
