"""Inputs as `prepare` reads them, and tables that have no time."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._models import checked_inputs

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


@pytest.mark.parametrize("given", ["digits-rows", Path("mine.npz")])
def test_a_name_or_a_path_is_no_input_yet(given):
    fix = re.escape(f"got {given!r}. Pass load_task({given!r})")
    with pytest.raises(TypeError, match=fix):
        checked_inputs(given)
