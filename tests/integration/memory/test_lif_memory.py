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


def dense(neurons, recurrent):
    return partial(Network, neurons=neurons, recurrent=recurrent)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "recurrent",
    [
        pytest.param(False, id="feed-forward", marks=pytest.mark.thorough),
        pytest.param(True, id="recurrent"),
    ],
)
def test_less_than_a_fifth_of_the_memory(recurrent):
    """200 steps, batch of 64, 256 neurons: 0.188 of 37.9 MiB, and 0.156 of 50.7 MiB."""
    plain, frugal = (
        temporaries(training_step(CONTESTANTS[name], dense(256, recurrent), 200)[0])
        for name in ("plain", "save_memory")
    )
    assert plain > (50 if recurrent else 37) * 2**20
    assert frugal / plain < (0.16 if recurrent else 0.19)


@pytest.mark.thorough
def test_convolutions_take_a_quarter():
    """8 x 8 and 4 x 4 neurons of 32 channels, 20 steps: 0.26 of 40.7 MiB."""
    plain, frugal = (
        temporaries(training_step(CONTESTANTS[name], Convolutional, 20)[0])
        for name in ("plain", "save_memory")
    )
    assert frugal / plain < 0.27


@pytest.mark.thorough
def test_a_training_step_ends_where_it_did():
    """Weights after one step, to the rounding of 8-bit slopes; the loss exactly."""

    def trained(name):
        executable, arguments = training_step(CONTESTANTS[name], dense(32, True), 20)
        return executable(*arguments)

    plain, frugal = trained("plain"), trained("save_memory")
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(frugal), strict=True):
        assert_close(other, one, rtol=0, atol=1e-5)


@pytest.mark.thorough
def test_a_lif_that_keeps_its_spikes_is_the_same_neuron():
    executables = {}
    for name in ("save_memory", "save_memory, LIF that keeps its spikes"):
        executable, arguments = training_step(CONTESTANTS[name], dense(32, True), 20)
        executables[name] = jax.tree.leaves(executable(*arguments))
    one, other = executables.values()
    assert_close(other[-1], one[-1])
