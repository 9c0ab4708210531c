"""One set of data in each layout that is taken: time first, samples first, and a task."""

import comparison_models as models
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import gradient_flow, load_task

SAMPLES_FIRST = np.random.default_rng(0).standard_normal((120, 6, 3)).astype(np.float32)
TASK = load_task((SAMPLES_FIRST, np.arange(120) % 2))
BATCH = SAMPLES_FIRST[TASK.split(0).train[:64]]
MODEL = models.plain(3, 2)


def flow(inputs, **options):
    return gradient_flow(MODEL, inputs, **options).to_dict()


@pytest.mark.parametrize(
    ("data", "options"), [(BATCH, {"batch_first": True}), (TASK, {}), (TASK, {"batch_first": True})]
)
def test_a_task_and_samples_first_are_the_same_inputs(data, options):
    assert flow(data, **options) == flow(jnp.stack([*BATCH], axis=1))
