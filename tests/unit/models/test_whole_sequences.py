"""Models that take all time steps in one call: each tool says so, and nothing else."""

from functools import partial

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import SURROGATE
from helpers import linear

from braintools_qps import compare, gradient_flow, load_task

gradient_flow = partial(gradient_flow, trial=False)  # what is measured

STEPS, SAMPLES, FEATURES, N = 7, 4, 3, 6


class Sequence(brainstate.nn.Module):
    """Its update has the loop over time."""

    def __init__(self, features=FEATURES, outputs=2):
        super().__init__()
        self.input = linear(features, N)
        self.readout = linear(N, outputs)
        self.spk_fun = SURROGATE

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((N,) if batch_size is None else (batch_size, N)))

    def step(self, x):
        self.V.value = 0.9 * self.V.value + self.input(x)
        return self.readout(self.spk_fun(self.V.value - 1))

    def update(self, xs):
        return brainstate.transform.for_loop(self.step, xs)


class Unpacking(Sequence):
    """It fails for one step."""

    def update(self, xs):
        _, _, _ = xs.shape
        return super().update(xs)


class Unrolled(Sequence):
    def update(self, xs):
        return jnp.stack([self.step(x) for x in xs])


class SamplesFirst(Sequence):
    def update(self, xs):
        return super().update(jnp.swapaxes(xs, 0, 1))


class Substeps(Sequence):
    """It takes one step, in several of its own; the last call is its neurons' spike."""

    def update(self, x):
        for _ in range(3):
            outputs = self.step(x)
        return outputs


INPUTS = jnp.asarray(np.random.default_rng(0).normal(size=(STEPS, SAMPLES, FEATURES)))
KINDS = [Sequence, Unpacking, Unrolled, SamplesFirst]


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_flow_says_that_a_model_takes_the_whole_sequence(kind):
    shape = (SAMPLES, STEPS, FEATURES) if kind is SamplesFirst else INPUTS.shape
    with pytest.raises(ValueError, match="must take one time step") as raised:
        gradient_flow(kind(), INPUTS)
    assert f"got {kind.__name__}, which takes all of them: inputs of shape {shape}" in str(raised)


@pytest.mark.parametrize("inputs", [INPUTS[:, 0], INPUTS[:, :1]])
def test_a_single_sequence_makes_no_difference(inputs):
    with pytest.raises(ValueError, match="must take one time step"):
        gradient_flow(Unpacking() if inputs.ndim == 3 else Unrolled(), inputs)


def test_compare_says_so_too():
    x = np.random.default_rng(1).normal(size=(60, STEPS, FEATURES)).astype(np.float32)
    task = load_task((x, (x.sum((1, 2)) > 0).astype(int)))
    with pytest.raises(ValueError, match="one time step in a call, got SamplesFirst, which"):
        compare(["QPseudoSpike"], task=task, model=SamplesFirst, batch_size=8, progress=False)


def test_several_steps_of_its_own_are_no_sequence():
    assert gradient_flow(Substeps(), INPUTS)
