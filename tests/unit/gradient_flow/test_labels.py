"""How labels are read is said; test_messages.py has those that are refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import only
from small_stacks import BATCH, STEPS, Branches, Layer, N, Stack, inputs

from braintools_qps import gradient_flow


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1] * 4, "8 features, with your labels"),
        # Half of them are 5 below the mean of 100, half 5 above.
        (jnp.array([95, 105] * 4, jnp.bfloat16), "numbers of mean 100, standard deviation 5"),
        (np.eye(2)[[0, 1] * 4], "deviation 0.5 (one-hot? then pass labels.argmax(axis=-1))"),
    ],
)
def test_labels_that_are_taken_for_numbers_are_described(labels, said):
    inputs = jnp.ones((STEPS, BATCH, N))
    flow = gradient_flow(Stack(Layer(1.0)), inputs, labels=labels, trial=False)["model"]
    assert flow.read.endswith(said)


@pytest.mark.thorough
def test_of_several_outputs_the_first_counts_and_that_is_said():
    model = Branches(Layer(1.0), Layer(1.0))
    model.update = lambda x: (model.a(x) @ model.out.value, model.b(x))
    flow = only(gradient_flow(model, inputs(), labels=[0, 1] * 4))
    assert flow.read.endswith(", with your labels, for the first of 2 outputs")
