"""Check the labels, and describe the data."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._defaults import SAMPLES
from .._models import batch_size, described_inputs
from ..typing import Batches, Inputs
from .evaluate import Evaluator

ALIGNED = (
    "Pass inputs of shape (time, batch, features...), or batch_first=True, and the labels of the "
    "same samples in the same order"
)
EACH_STEP = "For labels of every step, pass objective=, a function of the outputs"
ONE_HOT = f"If they are one-hot, pass labels.argmax(axis=-1). {EACH_STEP}"


def labels_of(inputs: Inputs, labels: Any, objective: Any) -> Any:
    """The labels that are given, or those of a task that has one for each sample.

    Raises
    ------
    ValueError
        If an objective is given, too.
    """
    if labels is not None and objective is not None:
        raise ValueError(
            "labels and objective each say what is to be learned, got both. Pass one of them: an "
            "objective holds its labels itself"
        )
    if labels is not None or not isinstance(inputs, Batches):
        return labels
    has_more = getattr(inputs, "is_answered_at_each_step", False)
    return None if has_more else inputs.batch(SAMPLES)[1]


def checked_labels(labels: Any, inputs: Inputs) -> np.ndarray:
    """Labels as an array with one row per sample.

    Raises
    ------
    ValueError
        If there is no batch, or not one label per sample, or a label is NaN or has a unit.
    """
    if isinstance(labels, u.Quantity):
        raise ValueError(
            f"labels must be numbers without a unit, got {labels.unit}. Pass labels.mantissa, in "
            "the unit of the outputs"
        )
    values, batch = np.asarray(labels), batch_size(inputs)
    if values.dtype == jnp.bfloat16:  # which NumPy takes for no number
        values = values.astype(np.float32)
    numbers, fix = values.dtype.kind == "f", ALIGNED
    if values.shape[:2] == jax.tree.leaves(inputs)[0].shape[:2]:
        fix = EACH_STEP
    if batch is None or values.ndim == 0 or len(values) != batch:
        held = "no axis of samples in the inputs" if batch is None else f"a batch of {batch}"
        why = f"shape {values.shape} for {held}"
    elif not numbers and values.size != batch:
        why, fix = f"classes of shape {values.shape}", ONE_HOT
    elif values.dtype.kind not in "biufUS":
        why, fix = f"dtype {values.dtype}", "Pass integers, strings or floats, all of one kind"
    elif numbers and not np.isfinite(values).all():
        why, fix = "NaN or infinity", "Drop these samples, or pass an objective= that does"
    else:
        return values
    raise ValueError(
        f"labels must be a class, or finite numbers, for each sample\nGot {why}\n{fix}"
    )


def said_of_data(evaluator: Evaluator, inputs: Inputs, labels: Any) -> str:
    """How the inputs were read, and what the loss is made from."""
    outputs = evaluator.step.output_tree.num_leaves
    given = "without labels" if labels is None else "with your labels"
    values = np.asarray(labels)
    if labels is not None and jnp.issubdtype(values.dtype, jnp.floating):
        values = values.astype(float)
        given += f", numbers of mean {values.mean():.3g}, standard deviation {values.std():.3g}"
        if values.ndim > 1 and np.isin(values, (0, 1)).all() and (values.sum(axis=-1) == 1).all():
            given += " (one-hot? then pass labels.argmax(axis=-1))"
    given += f", for the first of {outputs} outputs" * (outputs > 1)
    given = "with your objective" if evaluator.objective.function else given
    return f"{described_inputs(inputs, evaluator.batch)}, {given}"
