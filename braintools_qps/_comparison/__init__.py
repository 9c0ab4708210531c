"""Trains a network with each candidate surrogate, and compares the results.

The way of a call of `compare`:

1. `compare` checks the arguments and makes an `experiment`; `plan` lists the candidates and gives
   each run, a candidate at one of its settings with one seed, a key: a digest of what its numbers
   depend on (the user's `code` and `numerics` among them).
2. `search` has `train` probe each program on one batch, and asks `kept` for the runs whose key and
   probe agree, among those that it reads from `runs` (files in the form of `packing`).
3. It has the missing ones trained in groups that one program serves: by `train`, with `one_run` as
   a function that `programs` calls for many runs at once on all `devices`; or by `cluster`, on the
   workers of Dask.
4. It makes records of them with `result`. `progress` has the bar.

`tasks` has the data, `factory` makes the user's models, `model` sets their states and runs them, in
the `contexts` of a seed and a time step, `model_checks` tries them; `network` is the usual one,
`scoring` has loss and score, `optimizers` ours or the user's, `tune` what is tuned. `typing` has
the types of signatures.
"""

from .cluster import connected
from .compare import compare
from .contexts import environment, seeded
from .factory import Factory
from .network import RecurrentNetwork
from .numerics import present_environment
from .tasks import TASKS, Task, described, load_task
