"""Comparisons of which the training is played, for what is around it; `played` must be in use."""

import pickle
from concurrent.futures import Executor, Future
from typing import ClassVar

import brainstate
import jax
import numpy as np
import pytest

import braintools_qps._comparison as comparison
from braintools_qps._comparison import training
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.programs import Outcome, Tally
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.workers import Journal, Workplace, worker
from braintools_qps.records import Cost

X = np.random.default_rng(0).standard_normal((40, 4, 3))
Y = np.arange(40) % 2
OPTIONS = {
    "task": (X, Y), "epochs": 10, "seeds": [0, 4], "measure": False,
    "tune": {"learning_rate": (0.01, 0.02, 0.03, 0.1, 0.2, 0.3, 0.5)},
}  # fmt: skip
NAMES = ["Sigmoid", "S2NN", "QPseudoSpike"]


class Played:
    """Stands in for `Programs`: a score that depends on nothing but the job."""

    trained = 0
    seen: ClassVar = []  # time steps and precisions
    one_by_one = None
    workers = ()

    def __init__(self, bench, most_runs):
        self.bench = bench
        self.tally = Tally()

    def bench_of(self, setting):
        return self.bench

    def close(self):
        """Nothing is kept."""

    give_up = close

    def train(self, jobs, epochs, on_epochs, *, test=False):
        type(self).trained += len(jobs)
        dt = str(brainstate.environ.get("dt", None))
        self.seen.append((dt, jax.config.jax_enable_x64))
        on_epochs(len(jobs) * epochs, 0.0)
        return [self._outcome(job, epochs, test) for job in jobs]

    def measure(self, jobs):
        return Cost(seconds_per_epoch=0.5, peak_bytes=1000)

    def _outcome(self, job, epochs, test):
        rate, size = job.setting["learning_rate"], len(type(job.surrogate).__name__)
        score = 1 - abs(rate - 0.1) - 0.01 * size - 1e-4 * (job.seed % 7)
        curve = np.full(epochs, score, np.float32)
        tested = training.Tested(*[np.float32(score)] * 4) if test else None
        return Outcome(training.Curves(curve, curve, curve / 9), 1, tested)


@pytest.fixture
def played(monkeypatch):
    for module in (worker, comparison):
        monkeypatch.setattr(module, "Programs", Played)
    monkeypatch.setattr(comparison, "check_model", lambda *args, **kwargs: ())
    monkeypatch.setattr(Played, "trained", 0)
    monkeypatch.setattr(Played, "seen", [])
    worker._tasks.clear()
    worker._programs.clear()


class Desk(Executor):
    """Does everything at once, on what pickle makes of it; a hook sees it first."""

    def __init__(self, hook=lambda errand: None):
        self.errands = []
        self._hook = hook

    def submit(self, function, errand):
        future = Future()
        self.errands.append(errand)
        try:
            self._hook(errand)
            sent = pickle.loads(pickle.dumps((function, errand)))
            future.set_result(pickle.loads(pickle.dumps(sent[0](sent[1]))))
        except Exception as error:
            future.set_exception(error)
        return future


def plain(found):
    """What does not depend on where and how fast it was trained."""
    rows = found.to_dict()["results"]
    for row in rows:
        del row["workers"]
        row["tuning"].pop("seconds")
    return rows


def workplace(executor=None, journal=None, **factory):
    task = task_from_arrays(X, Y)
    bench = training.Bench(Factory(demonstration, **factory), task, Settings(), objective(task))
    return Workplace(executor, bench, journal or Journal(None, resume=False))
