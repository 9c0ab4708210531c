"""A comparison on a Dask cluster that Ctrl-C interrupts; the session goes on, as in a notebook."""

import asyncio
import os
import sys
from pathlib import Path

from distributed import Client

sys.path.insert(0, str(Path(__file__).parents[1]))
import fragile_model
import test_cluster

from braintools_qps import compare


async def emptied(dask_scheduler):
    """Let the scheduler read its messages until it has no task left."""
    while dask_scheduler.tasks:
        await asyncio.sleep(0)


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
            client.run_on_scheduler(emptied)
            print("interrupted")


if __name__ == "__main__":
    main(*sys.argv[1:])
