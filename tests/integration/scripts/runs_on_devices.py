"""Trains numbers of runs that eight do not divide, on all devices that there are, and saves it."""

import sys
from contextlib import contextmanager
from unittest import mock

import jax
import numpy as np
from braintools.surrogate import Sigmoid

from braintools_qps import QPseudoSpike
from braintools_qps._comparison import trainer
from braintools_qps._comparison.model import Factory
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.places import Place, places
from braintools_qps._comparison.programs import Job, Programs, groups
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.training import Bench

RUNS = (1, 5, 20)
EPOCHS = 3


def bench():
    """A small recurrent network on two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.standard_normal((80, 6, 3)) + 0.5 * y[:, None, None]
    task = task_from_arrays(X, y)
    settings = Settings(epochs=EPOCHS, batch_size=8)
    factory = Factory(demonstration, {"hidden": 12})
    return Bench(factory, task, settings, objective(task, None, None, None))


def jobs(runs):
    """Runs of one program: other seeds, rates and alphas."""
    rates = (0.03, 0.1, 0.3)
    ours = [
        Job(QPseudoSpike(1.0 + n / 4), {"learning_rate": rates[n % 3]}, n // 2) for n in range(runs)
    ]
    return [*ours[:-1], Job(Sigmoid(), {}, 7)] if runs > 1 else ours


def trained(runs):
    """Weights, loss, score and best epoch of each run."""
    programs, asked = Programs(bench(), runs), jobs(runs)
    found = {"weights": [], "loss": [], "score": [], "best": [], "tested": []}
    for key, numbers in groups(asked).items():
        group = [programs._run(asked[number]) for number in numbers]
        trains = programs._trainer(key, asked[numbers[0]])
        ended = trains.train(group, EPOCHS, lambda *_: None)
        weights = jax.tree.leaves(ended.shares.gather([s.weights for s in ended.states]))
        found["weights"].append(np.concatenate([w.reshape(len(group), -1) for w in weights], 1))
        found["loss"].append(ended.curves.loss)
        found["score"].append(ended.curves.score)
        found["best"].append(ended.best_epoch)
        found["tested"].append(trains.test(group, ended).score)
    return {name: np.concatenate(values) for name, values in found.items()}


def main(path):
    values = {f"{name}_{runs}": x for runs in RUNS for name, x in trained(runs).items()}
    devices = [len(place.devices) for place in places(8)]
    with two_kinds():
        values |= {f"{name}_kinds": x for name, x in trained(RUNS[1]).items()}
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
