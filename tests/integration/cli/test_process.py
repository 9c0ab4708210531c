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

MISTAKES = {
    "compare --epochs many": "argument --epochs: invalid int value: 'many'",
    "compare --data absent.npz": "absent.npz",
    "compare --tune learning_rate": "--tune: is given as NAME=VALUE,VALUE, each name once, got",
    "flow --seed high": "argument --seed: invalid int value: 'high'",
    "plot Sigmoid": "the following arguments are required: --out",
}
LOAD = f"""
import sys
from braintools_qps.__main__ import main
for command in ["", "list ", "show ", "plot ", "flow ", "compare "]:
    try:
        main([*command.split(), "--help"])
    except SystemExit:
        pass
for command in {list(MISTAKES)}:
    try:
        assert main(command.split()) == 2
    except SystemExit as end:
        assert end.code == 2
loaded = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names
print("loaded:", *sorted(loaded - {{"__main__"}}), file=sys.stderr)
"""

# A module that computes forever, inside XLA, which no KeyboardInterrupt reaches.
COMPUTING = """
import jax
import jax.numpy as jnp

print("ready", flush=True)
forever = jax.jit(lambda x: jax.lax.while_loop(lambda x: x >= 0, lambda x: (x + 1) % 9, x))
forever(jnp.zeros((), int)).block_until_ready()
"""


def test_ctrl_c_ends_it_at_once_without_a_word(tmp_path):
    """By the signal, which a shell reports as status 130."""
    (tmp_path / "endless.py").write_text(COMPUTING)
    process = subprocess.Popen(
        [*COMMAND, "flow", "--model", "endless:network"], cwd=tmp_path, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (-signal.SIGINT, "")


@pytest.mark.thorough
def test_a_reader_that_has_seen_enough_gets_no_complaint():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "list"], env=ENVIRONMENT, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_on_a_full_disk_is_one_line(unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "show", "Sigmoid"], env=ENVIRONMENT | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.stderr == "braintools-qps: [Errno 28] No space left on device\n"
    assert done.returncode == 2


def test_an_output_that_was_closed_before_the_start():
    command = '"$0" -m braintools_qps compare --learning-rate 1 >&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_help_and_errors_in_arguments_load_nothing_but_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, env=ENVIRONMENT,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.count("usage: braintools-qps") == 6
    assert "(default: learning_rate=0.1,0.03,0.01 mean_slope=0.1)" in " ".join(done.stdout.split())
    *errors, loaded = done.stderr.splitlines()
    assert [message in "\n".join(errors) for message in MISTAKES.values()] == [True] * len(MISTAKES)
    before = {"braintools_qps"} | {"sitecustomize", "usercustomize"}
    assert {name for name in loaded.split()[1:] if not name.startswith("_")} <= before
