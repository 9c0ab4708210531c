"""Where candidates are trained: one after the other in this process, or on an executor's workers.

Start here with `dispatch`, which does either. With an executor, `remote` stands in for this
process's programs: it sends `errands`, plain values and import paths, to a `worker`, tries again
what has died, and keeps in a `journal` what comes back. `executors` are those that the command line
makes.
"""

from .dispatch import ByExecutor, Found, InThisProcess
from .executors import dask_workers, local_workers
from .journal import Journal
from .remote import Workplace

__all__ = [
    "ByExecutor",
    "Found",
    "InThisProcess",
    "Journal",
    "Workplace",
    "dask_workers",
    "local_workers",
]
