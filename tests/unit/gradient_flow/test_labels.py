"""Labels are one per sample, and are checked before anything is measured."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import only
from small_stacks import BATCH, STEPS, Branches, Layer, N, Stack, inputs

from braintools_qps import gradient_flow, prepare


@pytest.mark.parametrize(
    ("labels", "batch", "got"),
    [
        (np.zeros(BATCH - 1), BATCH, r"shape \(7,\) for a batch of 8.*, or batch_first=True, and"),
        (3, BATCH, r"shape \(\) for"),
        (np.zeros((BATCH, STEPS), int), BATCH, r"classes of shape \(8, 10\)\n.*argmax\(axis=-1\)"),
        (np.zeros((STEPS, BATCH), int), BATCH, r"shape \(10, 8\) for .*\n.* objective=, a"),
        (np.zeros((STEPS, BATCH, 2)), BATCH, r"shape \(10, 8, 2\) for .*\n.* objective=, a func"),
        (np.full(BATCH, np.nan), BATCH, "NaN or infinity\nDrop these samples"),
        (["a", None] * (BATCH // 2), BATCH, "dtype object\nPass integers, strings or floats"),
        ([1], None, r"shape \(1,\) for no axis of samples in the inputs"),
    ],
)
def test_labels_that_do_not_fit(labels, batch, got):
    inputs = jnp.ones((STEPS, N) if batch is None else (STEPS, batch, N))
    with pytest.raises(ValueError, match=f"(?s)labels must be a class.*Got {got}"):
        gradient_flow(Stack(Layer(1.0)), inputs, labels=labels)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.arange(BATCH), "classes from 0 to 1, for this output\nGot 0 to 7, the first label 0"),
        ([1, 2] * 4, "classes from 0 to 1, for this output\nGot 1 to 2, the first label 1"),
        ([-1, 1] * 4, "classes from 0 to 1, for this output\nGot -1 to 1, the first label -1"),
        (np.eye(BATCH)[:, :3], "as many numbers as features: 2, for this output\nGot 3, the first"),
        (
            np.zeros((BATCH, STEPS, 2)),
            "as many numbers as features: 2, for this output\nGot 20, the "
            "first label [^\n]*\\.\\.\\.\nPass .* objective=, which labels of every step need",
        ),
        (np.full(BATCH, 1), "classes from 0 to 1, for this output\nGot 1 to 1, the first label 1"),
    ],
)
def test_labels_that_the_output_cannot_give(labels, said):
    with pytest.raises(ValueError, match=f"labels must differ, and be {said}"):
        gradient_flow(Stack(Layer(1.0)), jnp.ones((STEPS, BATCH, N)), labels=labels)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labels": np.ones(BATCH) * u.mV}, r"without a unit, got mV\. Pass labels\.mantissa"),
        ({"labels": np.arange(BATCH), "objective": jnp.mean}, "labels and objective .*, got both"),
    ],
)
def test_labels_with_a_unit_or_beside_an_objective(options, said):
    for tool in (gradient_flow, prepare):
        with pytest.raises(ValueError, match=said):
            tool(Stack(Layer(1.0)), inputs(), **options)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1] * 4, "8 features, with your labels"),
        # Half of them are 5 below the mean of 100, half 5 above.
        (
            [95.0, 105.0] * 4,
            "with your labels, numbers of mean 100, standard deviation 5",
        ),
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
    alone = only(gradient_flow(Stack(Layer(1.0)), inputs(), labels=[0, 1] * 4))
    assert alone.read.endswith(", with your labels")
