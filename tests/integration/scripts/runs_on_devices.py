"""Trains numbers of runs that eight do not divide, on all devices that there are, and saves it."""

import sys
from contextlib import contextmanager
from functools import partial
from unittest import mock

import jax
import numpy as np

from braintools_qps import QPseudoSpike
from braintools_qps._comparison import trainer
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.places import Place, places
from braintools_qps._comparison.programs import Job, Programs, groups
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.training import Bench

RUNS = (5, 20)
EPOCHS = 3


def bench():
    """A small recurrent network on two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.standard_normal((80, 6, 3)) + 0.5 * y[:, None, None]
    task = task_from_arrays(X, y)
    settings = Settings(epochs=EPOCHS, batch_size=8)
    factory = Factory(partial(demonstration, hidden=12))
    return Bench(factory, task, settings, objective(task))


def jobs(runs):
    """Runs of one program: other seeds, rates and alphas."""
    rates = (0.03, 0.1, 0.3)
    return [
        Job(QPseudoSpike(1.0 + n / 4), {"learning_rate": rates[n % 3]}, n // 2) for n in range(runs)
    ]


def trained(runs):
    """Weights, loss, score and best epoch of each run."""
    programs, asked = Programs(bench(), runs), jobs(runs)
    ((key, _),) = groups(asked).items()
    trains, own = programs._trainer(key, asked[0]), [programs._run(job) for job in asked]
    ended = trains.train(own, EPOCHS, lambda *_: None)
    weights = jax.tree.leaves(ended.shares.gather([state.weights for state in ended.states]))
    return {
        "weights": np.concatenate([leaf.reshape(runs, -1) for leaf in weights], axis=1),
        "loss": ended.curves.loss,
        "score": ended.curves.score,
        "best": ended.best_epoch,
        "tested": trains.test(own, ended).score,
    }


def main(path):
    values = {f"{name}_{runs}": x for runs in RUNS for name, x in trained(runs).items()}
    devices = [len(place.devices) for place in places(8)]
    with two_kinds():
        values |= {f"{name}_kinds": x for name, x in trained(RUNS[0]).items()}
    np.savez(path, devices=devices, **values)


@contextmanager
def two_kinds():
    """As if the first three devices were of another kind, and had room for one run each."""
    first, others = Place(jax.local_devices()[:3]), Place(jax.local_devices()[3:])
    first.free_bytes = lambda: 0
    with mock.patch.object(trainer, "places", return_value=[first, others]):
        yield


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    main(sys.argv[1])
