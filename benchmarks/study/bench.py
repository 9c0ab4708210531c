"""A network of the study on one of its tasks, ready to be trained."""

from __future__ import annotations

from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.training import Bench

from .design import EPOCHS
from .networks import FACTORIES
from .tasks import MAKERS


def bench_of(task: str, network: str) -> Bench:
    """Any network of the study on any of its tasks."""
    loaded = MAKERS[task]()
    return Bench(
        Factory(FACTORIES[network]),
        loaded,
        Settings(epochs=EPOCHS),
        objective(loaded),
    )
