"""What a training step of brainpy.state.LIF holds, before and after save_memory."""

import sys
from functools import partial
from pathlib import Path

import jax
import pytest
from helpers import assert_close

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


@pytest.mark.thorough
def test_a_training_step_ends_where_it_did():
    """Weights after one step, to the rounding of 8-bit slopes; the loss exactly."""
    plain, frugal, keeping = (
        jax.tree.leaves(executable(*arguments))
        for executable, arguments in (
            training_step(CONTESTANTS[name], dense(32), 20)
            for name in ("plain", "save_memory", "save_memory, custom LIF (half the storage)")
        )
    )
    for one, other in zip(plain, frugal, strict=True):
        assert_close(other, one, rtol=0, atol=1e-5)
    assert_close(keeping[-1], frugal[-1])
