"""Inputs as `prepare` reads them, and tables that have no time."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import load_task
from braintools_qps._models import checked_inputs, described_inputs

TABLE = jnp.asarray(np.random.default_rng(0).normal(size=(64, 20)))


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_table_is_refused_and_both_fixes_run(batch_first):
    with pytest.raises(ValueError, match=r"samples.*time|time.*samples") as raised:
        checked_inputs(TABLE, batch_first=batch_first, several_samples=True)
    assert "got (64, 20). If it is a table of samples" in str(raised.value)
    for code in re.findall(r"(jnp\.\w+\(.*\)|inputs\[[^(]*\])(?=\. If|$)", str(raised.value)):
        fixed = eval(code, {"jnp": jnp, "inputs": TABLE})
        time_first = checked_inputs(fixed, batch_first=batch_first, several_samples=True)
        assert time_first.shape == ((30, 64, 20) if "jnp" in code else (64, 1, 20))
        rows = time_first if "jnp" in code else time_first.swapaxes(0, 1)
        assert all((row == TABLE).all() for row in rows)


HINT = "; batch_first=True if the samples come first"


@pytest.mark.parametrize(
    ("inputs", "options", "text"),
    [
        (np.ones((30, 64, 20)), {}, "30 steps, 64 samples, 20 features" + HINT),
        (np.ones((64, 30, 20)), {"batch_first": True}, "30 steps, 64 samples, 20 features"),
        (np.ones((30, 4, 28, 28, 1)), {}, "30 steps, 4 samples, 28 x 28 x 1 features" + HINT),
        ([np.ones((9, 4, 3)), np.ones((9, 4))], {}, "9 steps, 4 samples, 3 and 1 features" + HINT),
        (np.ones((30, 20)), {}, "30 steps, 20 features"),
        (
            load_task((np.ones((200, 7, 5), np.float32), np.arange(200) % 2)),
            {},
            "7 steps, 64 samples, 5 features",
        ),
    ],
)
def test_inputs_are_described_as_they_are_read(inputs, options, text):
    assert described_inputs(inputs, **options) == text
