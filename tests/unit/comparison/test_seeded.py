"""The user's random states are as they were, also where several threads are at it."""

import random
from concurrent.futures import ThreadPoolExecutor

import brainstate
import jax
import numpy as np

from braintools_qps._comparison.model import seeded


def draws(seed):
    with seeded(jax.random.key(seed), seed):
        of_numpy = [float(np.random.random()) for _ in range(50)]  # noqa: NPY002
        return of_numpy, float(brainstate.random.rand()), random.random()


def states():
    of_numpy = np.random.get_state()[1]  # noqa: NPY002
    of_brainstate = jax.random.key_data(jax.random.wrap_key_data(_raw()))
    return of_numpy.tolist(), np.asarray(of_brainstate).tolist(), random.getstate()


def _raw():
    value = brainstate.random.DEFAULT.value
    is_key = jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(value) if is_key else value


def test_blocks_in_several_threads_disturb_neither_each_other_nor_the_user():
    expected = [draws(seed) for seed in range(5)]
    before = states()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(draws, list(range(5)) * 8))
    assert found == expected * 8
    assert states() == before
