"""A comparison on a Dask cluster that Ctrl-C interrupts; the session goes on, as in a notebook."""

import os
import sys
from pathlib import Path

from distributed import Client

sys.path.insert(0, str(Path(__file__).parents[1]))
import fragile_model
import test_cluster

from braintools_qps import compare


def main(address, out, gate):
    os.environ["FRAGILE_CLIENT"] = str(os.getpid())
    with Client(address, set_as_default=False) as client:
        try:
            compare(
                test_cluster.NAMES,
                model=fragile_model.make,
                executor=client.get_executor(pure=False),
                out=out,
                gate=gate,
                **test_cluster.OPTIONS,
            )
        except KeyboardInterrupt:
            left = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
            print("interrupted", left)


if __name__ == "__main__":
    main(*sys.argv[1:])
