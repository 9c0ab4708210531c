"""Processes that are killed at random moments, one after another, on one folder."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_comparison
from small_comparison import OPTIONS, files, without_times

from braintools_qps import compare

NAMES = ["QPseudoSpike"]
MANY = OPTIONS | {"tune": {"hidden": (8, 5)}, "epochs": 200}  # two programs of two runs
KILLS, EPOCHS, SECONDS = 10, 12, 0.02  # a process lives for so many epochs, and longer by so much

# Saves each epoch, and says so.
TRAINING = """
import sys
sys.path[:0] = {path!r}
from small_comparison import counted
from test_killed_runs import MANY, NAMES
from braintools_qps import compare
from braintools_qps._comparison import runs

runs.SECONDS_BETWEEN = 0.0
runs.MOST_OF_THE_TIME = float("inf")
with counted(lambda progress: print("epoch", flush=True)):
    compare(NAMES, out=sys.argv[1], **MANY)
"""


@pytest.mark.thorough
def test_after_ten_kills_at_random_moments_it_ends_with_the_numbers_of_an_undisturbed_run(tmp_path):
    here = [str(Path(__file__).parent), str(Path(small_comparison.__file__).parent)]
    script = TRAINING.format(path=[*here, *sys.path])
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-W", "ignore", "-c", script]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    draw, ends = random.Random(0), []
    for _ in range(KILLS):
        process = subprocess.Popen([*command, killed], **streams)
        for _ in range(draw.randint(2, EPOCHS)):  # the first tells the epochs of the one before
            process.stdout.readline()
        time.sleep(draw.uniform(0, SECONDS))
        process.kill()
        process.communicate()
        ends.append(process.returncode)
    assert {*ends} == {-signal.SIGKILL}
    assert files(killed)
    for folder in (killed, whole):
        subprocess.run([*command, folder], check=True, **streams)
    found, undisturbed = (compare(NAMES, out=folder, **MANY) for folder in (killed, whole))
    assert without_times(found) == without_times(undisturbed)
