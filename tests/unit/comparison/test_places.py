"""Devices by kind, and what fits into them."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps._comparison import places as module
from braintools_qps._comparison.compiled import Program, in_turn, together
from braintools_qps._comparison.places import Place, device_text, places

GIB = 1 << 30


def device(kind="H100", platform="gpu", stats=None):
    return SimpleNamespace(device_kind=kind, platform=platform, memory_stats=lambda: stats)


def test_devices_of_one_kind_are_one_place():
    a, b, c = device("H100"), device("A100"), device("H100")
    assert [place.devices for place in places(9, [a, b, c])] == [(a, c), (b,)]
    assert [place.devices for place in places(1, [a, b, c])] == [(a,), (b,)]  # of one run


def test_a_device_that_was_chosen_is_the_only_one():
    (one,) = jax.local_devices()[:1]
    with jax.default_device(one):
        assert [place.devices for place in places(9)] == [(one,)]
    with jax.default_device("cpu"):
        assert places(9)[0].devices == tuple(jax.local_devices(backend="cpu"))
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
    """Its result takes 16 KiB for each run."""
    return jnp.outer(state + part, state) * number


ROW = jnp.linspace(0, 1, 64)[None], jax.random.key(0)[None], jnp.ones(1)
PARTS = (jnp.ones(64),)


@pytest.fixture
def room(monkeypatch):
    """Sets how many bytes are free, and how many threads want them."""

    def set_room(free, threads=1):
        monkeypatch.setattr(Place, "free_bytes", lambda self: free)
        monkeypatch.setattr(Place, "threads", threads)
        return Place(jax.local_devices()[:1])

    return set_room


def needed(each):
    """What XLA says that so many runs at once take."""
    return Program(together(wide), Place(jax.local_devices()[:1]), each, ROW, PARTS)._needed


@pytest.mark.parametrize("most", [1, 3, 7])
def test_as_many_runs_at_once_as_there_is_room_for(most, room):
    exactly = needed(most)
    fitting = lambda *more: Program.fitting(together(wide), *more)
    assert fitting(room(exactly), 7, ROW, PARTS).each == most
    assert fitting(room(2 * exactly, threads=2), 7, ROW, PARTS).each == most
    assert fitting(room(exactly + 99), 7, ROW, PARTS, 99).each == most  # 99 are held already
    assert fitting(room(exactly - 1), 7, ROW, PARTS).each == max(1, most - 1)


def test_fewer_calls_at_once_where_they_do_not_fit(room):
    place = room(5.5 * needed(1), threads=8)
    assert Program(together(wide), place, 1, ROW, PARTS).at_once == 5
    assert Program(together(wide), room(0, threads=8), 1, ROW, PARTS).at_once == 1


def test_in_turn_is_together():
    place = Place(jax.local_devices()[:1])
    states, keys, _ = (jnp.concatenate([x, x]) for x in ROW)
    numbers = jnp.array([1.0, 3.0])
    both = [
        Program(make(wide), place, 2, ROW, PARTS)(states, keys, numbers, *PARTS)
        for make in (together, in_turn)
    ]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-6)
    np.testing.assert_allclose(both[0][1], 3 * both[0][0], rtol=1e-6)
