"""Processes that are killed at random moments, one after another, on one folder."""

import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import small_comparison
from small_comparison import OPTIONS, files, without_times

from braintools_qps import compare

NAMES = ["QPseudoSpike"]
MANY = OPTIONS | {"tune": {"hidden": (8, 5)}, "epochs": 100}  # two programs of two runs
KILLS, LONGEST = 10, 2.5  # seconds from the first epochs of a process to its end

# Saves each epoch, and says when it has trained one.
TRAINING = """
import sys
sys.path[:0] = {path!r}
from test_killed_runs import MANY, NAMES
from braintools_qps import compare
from braintools_qps._comparison import runs

runs.SECONDS_BETWEEN = 0.0
runs.MOST_OF_THE_TIME = float("inf")
events = []

def watch(event):
    events.append(event)
    if len(events) == 2:  # the first tells the epochs of the process before
        print("training", flush=True)

compare(NAMES, out=sys.argv[1], callback=watch, **MANY)
"""


@pytest.mark.thorough
def test_after_ten_kills_at_random_moments_it_ends_with_the_numbers_of_an_undisturbed_run(tmp_path):
    here = [str(Path(__file__).parent), str(Path(small_comparison.__file__).parent)]
    script = TRAINING.format(path=[*here, *sys.path])
    delays, ends = random.Random(0), []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, tmp_path],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(delays.uniform(0, LONGEST))
        process.kill()
        process.communicate()
        ends.append(process.returncode)
    assert {*ends[:3]} == {-signal.SIGKILL}
    assert {*ends} <= {-signal.SIGKILL, 0}  # a fast machine is done before the tenth
    assert files(tmp_path)
    found = compare(NAMES, out=tmp_path, **MANY)
    assert without_times(found) == without_times(compare(NAMES, **MANY))
