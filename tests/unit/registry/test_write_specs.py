"""Surrogates to specs and back: through JSON, and through their repr."""

import json

import braintools.surrogate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Surrogate

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, register_surrogate, surrogate_spec
from braintools_qps._registry import call_text

inf = float("inf")


def through_json(surrogate):
    return get_surrogate(json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False)))


@pytest.mark.parametrize(
    ("surrogate", "written"),
    [
        (QPseudoSpike(inf), {"alpha": "inf"}),
        (QPseudoSpike(np.float32(0.5)), {"alpha": 0.5}),
        (QPseudoSpike(scale=3), {"alpha": 2.0, "scale": 3.0}),
        (QPseudoSpike(scale=15 * u.mV / u.ms), {"alpha": 2.0, "scale": "15.0 mV / ms"}),
        (QPseudoSpike(scale=2 * u.mV**0.5), {"alpha": 2.0, "scale": "2.0 mV^0.5"}),
        (QPseudoSpike(dampening=0.1 + 0.2), {"alpha": 2.0, "dampening": 0.1 + 0.2}),
        (QPseudoSpike(residual_dtype=jnp.bfloat16), {"alpha": 2.0, "residual_dtype": "bfloat16"}),
    ],
)
def test_what_is_written(surrogate, written):
    assert surrogate_spec(surrogate) == {"name": "QPseudoSpike", **written}
    assert through_json(surrogate) == surrogate


def test_a_call_reads_as_one_would_write_it():
    assert call_text(QPseudoSpike(8)) == "QPseudoSpike(alpha=8)"
    scaled = Scaled(braintools.surrogate.QPseudoSpike(0.5), scale=15 * u.mV)
    inner = "'braintools:QPseudoSpike(alpha=0.5)'"
    assert call_text(scaled) == f"Scaled(surrogate={inner}, scale='15.0 mV')"
    assert "surrogate=braintools.surrogate.QPseudoSpike(alpha=0.5)" in repr(scaled)


def test_arrays_come_back_with_the_same_numbers():
    numbers = np.array([[0.5, 2.5, inf]], np.float32)
    for alpha in (numbers, jnp.asarray(numbers)):
        surrogate = QPseudoSpike(alpha, scale=np.array([1.0, 2.5, 4.0]) * u.mV)
        spec = {"name": "QPseudoSpike", "alpha": [[0.5, 2.5, "inf"]], "scale": "[1.0, 2.5, 4.0] mV"}
        assert surrogate_spec(surrogate) == spec
        back = through_json(surrogate)
        np.testing.assert_array_equal(back.alpha, numbers)
        np.testing.assert_array_equal(back.scale.to_decimal(u.mV), [1.0, 2.5, 4.0])


def test_text_comes_back_where_the_default_is_text():
    @register_surrogate
    class Named(Surrogate):
        def __init__(self, kind="first"):
            self.kind = kind

    for text in ("2nd", "1e5", "15 mV", ""):
        assert through_json(Named(text)).kind == text


def test_keyword_only_parameters_are_left_out_at_their_default():
    arrays = np.array([1.0, 2.0]), np.array([1.0, 2.0]) * u.mV

    @register_surrogate
    class Arrays(Surrogate):
        def __init__(self, *, weights=arrays[0], widths=arrays[1], mode=len):
            self.weights, self.widths, self.mode = weights, widths, mode

    assert surrogate_spec(Arrays()) == {"name": "Arrays"}
    other = Arrays(weights=np.array([1.0, 3.0]), widths=np.array([1.0, 2.0]) * u.volt)
    spec = {"name": "Arrays", "weights": [1.0, 3.0], "widths": "[1.0, 2.0] V"}
    assert surrogate_spec(other) == spec
    with pytest.raises(TypeError, match="mode=<built-in function max> cannot be written"):
        surrogate_spec(Arrays(mode=max))
