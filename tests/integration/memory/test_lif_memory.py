"""What a training step of brainpy.state.LIF holds, before and after save_memory."""

import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("brainpy", reason="brainpy is not installed")
sys.path.append(str(Path(__file__).parents[3]))  # benchmarks/ is not installed

from benchmarks.memory import CONTESTANTS, Convolutional, Network, training_step


def temporaries(executable):
    return executable.memory_analysis().temp_size_in_bytes


def dense(neurons):
    return partial(Network, neurons=neurons, recurrent=True)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("model", "steps", "mebibytes", "share"),
    [
        (dense(256), 200, 50, 0.16),  # batch of 64, 256 recurrent neurons: 0.156 of 50.7 MiB
        (Convolutional, 20, 40, 0.27),  # 8 x 8 and 4 x 4 neurons of 32 channels: 0.26 of 40.7 MiB
    ],
)
def test_the_share_of_the_memory(model, steps, mebibytes, share):
    plain, frugal = (
        temporaries(training_step(CONTESTANTS[name], model, steps)[0])
        for name in ("plain", "save_memory")
    )
    assert plain > mebibytes * 2**20
    assert frugal / plain < share
