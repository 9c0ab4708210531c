"""Devices by kind, and what fits into them."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison import places as module
from braintools_qps._comparison.places import Place, device_text, places
from braintools_qps._comparison.program import Program, in_turn, together

GIB = 1 << 30


def device(kind="H100", platform="gpu", stats=None):
    return SimpleNamespace(device_kind=kind, platform=platform, memory_stats=lambda: stats)


def test_devices_of_one_kind_are_one_place():
    a, b, c = device("H100"), device("A100"), device("H100")
    assert [place.devices for place in places([a, b, c])] == [(a, c), (b,)]


def test_a_device_that_was_chosen_is_the_only_one():
    (one,) = jax.local_devices()[:1]
    with jax.default_device(one):
        assert [place.devices for place in places()] == [(one,)]
    with jax.default_device("cpu"):
        assert places()[0].devices == tuple(jax.local_devices(backend="cpu"))
    assert device_text().startswith(one.platform)


def test_an_accelerator_takes_all_runs_at_once_and_a_core_three():
    accelerators, cpus = Place([device()] * 4), Place([device(platform="cpu")] * 2)
    assert [accelerators.usual(runs) for runs in (1, 4, 5, 64)] == [1, 1, 2, 16]
    assert [cpus.usual(runs) for runs in (1, 2, 3, 6, 64)] == [1, 1, 2, 3, 3]


def test_threads_are_cores_that_no_device_has(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 8)
    on_cpu = lambda count: Place([device(platform="cpu")] * count).threads
    assert [on_cpu(count) for count in (1, 2, 8, 16)] == [8, 4, 1, 1]
    assert Place([device()]).threads == 1


def test_what_is_free_on_an_accelerator():
    full = device(stats={"bytes_limit": 10 * GIB, "bytes_in_use": 5 * GIB})
    empty = device(stats={"bytes_limit": 10 * GIB})
    assert Place([empty]).free_bytes() == int(0.8 * 10 * GIB)
    assert Place([empty, full]).free_bytes() == int(0.8 * 5 * GIB)
    for silent in (device(), device(stats={"num_allocs": 3})):
        assert Place([silent]).free_bytes() == int(0.8 * 4 * GIB)


@pytest.fixture
def host(monkeypatch, tmp_path):
    """Writes what the system says of its memory."""
    monkeypatch.setattr(module, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(module, "CGROUP", tmp_path)

    def say(**files):
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)

    return say


def test_what_is_free_on_a_cpu(host):
    free = lambda count: Place([device(platform="cpu")] * count).free_bytes()
    assert free(1) == int(0.8 * 4 * GIB)  # nobody says
    host(meminfo="MemTotal:  9999999999 kB\nMemAvailable:    8388608 kB\n")
    assert free(1) == int(0.8 * 8 * GIB)
    assert free(2) == int(0.8 * 8 * GIB) // 2  # they share it
    host(memory_max="max\n", memory_current="12345\n")
    assert free(1) == int(0.8 * 8 * GIB)
    host(memory_max=f"{3 * GIB}\n", memory_current=f"{GIB}\n")
    assert free(1) == int(0.8 * 2 * GIB)


def wide(state, key, number, part):
    """A step that holds a square of 1 MiB for each run, as no compiler can avoid."""
    square = jnp.outer(state + part, state)
    return jnp.linalg.matrix_power(square @ square.T / state.size, 2).sum() * number


@pytest.mark.parametrize(("room", "each"), [(100, 7), (30, 4), (12, 1), (0, 1)])
def test_as_many_runs_at_once_as_there_is_room_for(room, each, monkeypatch):
    """Counted in MiB, of which XLA itself says how many a program takes."""
    place = Place(jax.local_devices()[:1])
    monkeypatch.setattr(Place, "threads", 1)
    row = jnp.linspace(0, 1, 512)[None], jax.random.key(0)[None], jnp.ones(1)
    parts = (jnp.ones(512),)
    usual = Program(together(wide), place, 7, row, parts)._needed
    monkeypatch.setattr(Place, "free_bytes", lambda self: usual * room / 100)
    found = Program.fitting(together(wide), place, 7, row, parts)
    assert found.each <= 7
    assert found.fits(1) or found.each == 1
    if room in (100, 0):
        assert found.each == each
    else:
        assert found.each < 7


def test_fewer_calls_at_once_where_they_do_not_fit(monkeypatch):
    monkeypatch.setattr(Place, "threads", 8)
    place = Place(jax.local_devices()[:1])
    row = jnp.linspace(0, 1, 64)[None], jax.random.key(0)[None], jnp.ones(1)
    parts = (jnp.ones(64),)
    needed = Program(together(wide), place, 1, row, parts)._needed
    monkeypatch.setattr(Place, "free_bytes", lambda self: 5.5 * needed)
    assert Program(together(wide), place, 1, row, parts).at_once == 5


def test_in_turn_is_together():
    place = Place(jax.local_devices()[:1])
    row = jnp.linspace(0, 1, 16)[None], jax.random.key(0)[None], jnp.ones(1)
    states, keys, numbers = (jnp.concatenate([x, x]) for x in row)
    parts = (jnp.ones(16),)
    both = [
        Program(make(wide), place, 2, row, parts)(states, keys, numbers * jnp.array([1, 3]), *parts)
        for make in (together, in_turn)
    ]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-6)
    np.testing.assert_allclose(both[0][1], 3 * both[0][0], rtol=1e-6)
