"""Imports: the time that the package adds to the start of a process.

Each sample is a fresh process. "To bound" compares with `import braintools`. "The same after import
braintools" is timed in a process that has imported braintools already.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

from .harness import Case, Ready, Settings

OURS = "import braintools_qps; braintools_qps.list_surrogates()"
CLOCK = """
import time
{before}
start = time.perf_counter()
{timed}
print(time.perf_counter() - start)
"""


def cases(settings: Settings) -> Iterator[Case]:
    contestants = {
        "import braintools": _process("", "import braintools"),
        OURS: _process("", OURS),
        "the same after import braintools": _process("import braintools", OURS),
        "first spike, braintools_qps": _first_spike("braintools_qps"),
        "first spike, braintools": _first_spike("braintools.surrogate"),
    }
    yield Case("Fresh process", "import", contestants, bound="import braintools")


def _first_spike(module: str) -> Callable[[], Ready]:
    before = f"import jax.numpy as jnp; from {module} import QPseudoSpike; x = jnp.ones(32)"
    return _process(before, "QPseudoSpike(2.0)(x).block_until_ready()")


def _process(before: str, timed: str) -> Callable[[], Ready]:
    """Every sample is a process; one more runs before, to fill the caches of bytecode and files."""
    code = CLOCK.format(before=before, timed=timed)

    def sample() -> float:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return float(done.stdout)

    def prepare() -> Ready:
        sample()
        return Ready(sample)

    return prepare
