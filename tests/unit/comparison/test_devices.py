"""What programs take of a device's memory."""

import jax
import jax.numpy as jnp

from braintools_qps._comparison.devices import program_bytes


def test_a_program_takes_its_arguments_its_results_and_what_lies_between():
    x = jnp.ones(1000)
    twice = jax.jit(lambda x: jnp.concatenate([x, x])).lower(x).compile()
    assert program_bytes(twice) == 4 * (1000 + 2000)
    square = jnp.ones((300, 300))
    cubed = jax.jit(lambda m: (m @ m) @ m).lower(square).compile()
    assert program_bytes(cubed) >= 4 * 3 * 300**2
