"""Ordered callbacks are left out, wherever they are, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np

from braintools_qps._comparison.callbacks import without_ordered_callbacks


def noisy(x, rows):
    """Checks inside a scan, a branch and beside a gather; what is said unordered stays."""
    checked = lambda: jax.debug.callback(lambda: None, ordered=True)

    def step(carry, _):
        jax.lax.cond(carry.sum() > 0, checked, lambda: None)
        jax.debug.print("{}", carry[0], ordered=True)
        return carry * 2, carry

    jax.debug.callback(lambda value: None, x[0])
    last, steps = jax.lax.scan(step, x[rows], None, 3)
    return {"last": jax.jit(jnp.sort)(last), "steps": steps}


def test_ordered_callbacks_alone_are_left_out(capfd):
    arguments = jnp.array([3.0, 1.0, 2.0]), jnp.array([2, 0, 1])
    quiet = without_ordered_callbacks(noisy)
    assert {str(effect) for effect in jax.make_jaxpr(quiet)(*arguments).effects} == {"Debug"}
    results = jax.jit(quiet)(*arguments)
    np.testing.assert_array_equal(results["last"], [8.0, 16.0, 24.0])
    np.testing.assert_array_equal(results["steps"][1], [4.0, 6.0, 2.0])
    jax.effects_barrier()
    assert capfd.readouterr().out == ""
