"""Trains a network with each candidate surrogate, and compares the results.

The way of a call of `compare`:

1. `compare` checks the arguments and makes an `experiment`; `plan` lists the candidates and gives
   each run, a candidate at one setting (`tune`) with one seed, a key: a digest of all that its
   numbers depend on (`identity` of code, `numerics`).
2. `runs` has the runs that are known, on the disk or in memory (`packing`, `outcome`).
3. `search` has the missing ones trained: `train` in groups that one compiled program serves, made
   of the pure step in `run`, on `devices`; or in `cluster`, on the workers of Dask.
4. `result` makes records of them, and `growing` asks for more seeds until it is known which is
   best. `progress` has the bar.

`tasks` has the data, `factory` makes the user's models, `model` runs them and `model_checks` tries
them; `network` is the RecurrentNetwork, `objective` has loss and score, `optimizers` ours or the
user's.
"""

from .cluster import connected
from .compare import compare
from .factory import Factory
from .model import environment, seeded
from .network import RecurrentNetwork
from .numerics import present_environment
from .packing import replacing
from .progress import Event
from .tasks import TASKS, Task, load_task

__all__ = [  # noqa: RUF022 -- what users meet first
    "compare",
    # For what shows results
    "TASKS",
    "Event",
    "Factory",
    "Task",
    "connected",
    "RecurrentNetwork",
    "environment",
    "load_task",
    "present_environment",
    "replacing",
    "seeded",
]
