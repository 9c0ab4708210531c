"""Inputs that look as if their axes were swapped, by signs whose correlation can be counted."""

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._gradient_flow.tracing import swapped_axes

ROUGH, SMOOTH = "++--++---+", "++++----"  # neighbours correlate by (5 - 4) / 10 and (6 - 1) / 8


def inputs(time=ROUGH, batch=SMOOTH):
    """Of shape (time, batch, features); signs along time, times signs along the batch."""
    signs = ([float(f"{sign}1") for sign in text] for text in (time, batch))
    return jnp.asarray(3.0 + np.einsum("i,j,k->ijk", *signs, [1.0, -2.0]))


def test_a_batch_that_is_smoother_than_time_is_said():
    (sentence,) = swapped_axes(inputs())
    assert "along their second axis (8, read as the batch) than along their first (10," in sentence


@pytest.mark.parametrize(
    ("time", "batch", "said"),
    [
        ("+++---++--", SMOOTH, False),  # 3/10 along time
        (ROUGH, "+++---", False),  # 1/2 along the batch
        (ROUGH, "++----++", False),  # 3/8
        (ROUGH, "++++++++", False),  # samples that are all the same
        ("+-+-", SMOOTH, True),
        ("+-+", SMOOTH, False),  # three steps tell nothing
    ],
)
def test_where_it_is_said(time, batch, said):
    assert len(swapped_axes(inputs(time, batch))) == said


@pytest.mark.parametrize(
    "change",
    [lambda x: x[..., 0], lambda x: x.astype(int)],
    ids=["no batch", "integers"],
)
def test_inputs_that_cannot_be_swapped_or_compared_are_not_looked_at(change):
    assert swapped_axes(change(inputs())) == ()


def test_of_several_inputs_the_first_is_looked_at():
    plain = jnp.zeros((10, 8, 2))
    assert len(swapped_axes([inputs(), plain])) == 1
    assert swapped_axes([plain, inputs()]) == ()
