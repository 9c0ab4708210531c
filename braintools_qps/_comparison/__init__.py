"""Trains a network with each candidate surrogate, and compares the results.

Start here with `compare`: what is asked, and what is recorded (`result`, `provenance`). `search`
has every seed train all settings of a candidate (`tune`) and choose one. `train` trains a group of
runs as one compiled program of the pure step in `run`, on `devices`; `executors` has this done in
other processes, such as those of `workers`. `storage` has the files, `progress` the bar,
`optimizers` ours or the user's. `tasks` has the data, `factory` makes the user's models, `model`
runs them and `model_checks` tries them; `network` is the demonstration, `objective` has loss and
score.
"""

from .compare import compare
from .factory import Factory
from .model import environment, seeded
from .network import demonstration
from .progress import Event
from .provenance import present_environment
from .storage import numbered
from .tasks import TASKS, Task, load_task
from .workers import dask_workers, local_workers

__all__ = [  # noqa: RUF022 -- what users meet first
    "compare",
    # For what shows results
    "TASKS",
    "Event",
    "Factory",
    "Task",
    "dask_workers",
    "demonstration",
    "environment",
    "load_task",
    "local_workers",
    "numbered",
    "present_environment",
    "seeded",
]
