"""What only a process can show: Ctrl-C, closed pipes, what is imported, the exit.

Each test waits for a line that the process prints, so that none depends on how fast it is.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import braintools_qps

COMMAND = [sys.executable, "-m", "braintools_qps"]
# The package under test, from whatever directory.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(braintools_qps.__file__).parents[1])}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal to a process there")

LOAD = """
import sys
from braintools_qps.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
loaded = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print("loaded:", *sorted(loaded - {"__main__"}), file=sys.stderr)
"""

# A plugin that computes forever, inside XLA, which no KeyboardInterrupt reaches.
COMPUTING = """
import jax
import jax.numpy as jnp

print("ready", flush=True)
forever = jax.jit(lambda x: jax.lax.while_loop(lambda x: x >= 0, lambda x: (x + 1) % 9, x))
forever(jnp.zeros((), int)).block_until_ready()
"""

# Another that waits for a thread, as one of those that train when the main one is interrupted.
TRAINING = """
from concurrent.futures import ThreadPoolExecutor
from itertools import count

pool = ThreadPoolExecutor(1)
pool.submit(lambda: [None for _ in count()])
print("ready", flush=True)
pool.shutdown()
"""

# A package in place of JAX, which takes forever to import.
IMPORTING = """
print("ready", flush=True)
while True:
    pass
"""


@pytest.fixture
def directory(tmp_path):
    """One to run in, with a plugin installed whose module is still to be written."""
    metadata = tmp_path / "endless-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[braintools.surrogate]\nEndless = endless:Endless\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("module", "source"),
    [("endless", COMPUTING), ("endless", TRAINING), ("jax", IMPORTING)],
    ids=["computing", "training", "importing"],
)
def test_ctrl_c_ends_it_with_one_line(module, source, directory):
    (directory / f"{module}.py").write_text(source)
    process = subprocess.Popen(
        [*COMMAND, "show", "Endless"], cwd=directory, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (130, "Interrupted\n")


def test_a_reader_that_has_seen_enough_gets_no_complaint():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "list"], env=ENVIRONMENT, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", ["", "list", "show", "plot"])
def test_help_loads_nothing_but_the_package(command):
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert done.stdout.startswith("usage: braintools-qps")
    loaded = done.stderr.split()[1:]
    before = {"braintools_qps"} | {"sitecustomize", "usercustomize"}
    assert {name for name in loaded if not name.startswith("_")} <= before
