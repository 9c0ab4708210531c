"""Where candidates are trained: one after the other in this process, or on an executor's workers.

Start here with `dispatch`, which does either. With an executor, `remote` stands in for this
process's programs: it sends `errands`, plain values and import paths, to a `worker`, tries again
what has died, and keeps in a `journal` what comes back. `executors` are those that the command line
makes.
"""

from .dispatch import Found, by_executor, in_turn
from .executors import dask_workers, local_workers
from .journal import Journal
from .remote import RemotePrograms, Workplace

__all__ = [
    "Found",
    "Journal",
    "RemotePrograms",
    "Workplace",
    "by_executor",
    "dask_workers",
    "in_turn",
    "local_workers",
]
