"""The classes: immutable, compared by their parameters, written and read back; bad parameters."""

import copy
import dataclasses
import json
import math
import pickle

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, Sigmoid
from helpers import assert_close

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, q_pseudo_spike, surrogate_spec
from braintools_qps._surrogate.parameters import ALPHA

EXAMPLES = [
    QPseudoSpike(),
    QPseudoSpike(math.inf, dampening=0.25),
    QPseudoSpike(1.7, scale=15 * u.mV, residual_dtype="uint8"),
    QPseudoSpike(3, scale=0.1 + 0.2, residual_dtype="bfloat16"),
    QPseudoSpike.from_q(2.5, sharpness=3.0, scale=2 * u.mV / u.ms),
    Scaled(Sigmoid(4.0)),
    Scaled(Sigmoid(2.0), scale=15 * u.mV, residual_dtype="uint8"),
    Scaled(QPseudoSpike(1.7, scale=2.0), dampening=0.25),
    Scaled(Scaled(S2NN(), scale=3.0), scale=u.mV, dampening=0.5),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_equal_after_repr_pickle_copy_and_spec(example):
    assert isinstance(example, braintools.surrogate.Surrogate)
    names = vars(braintools.surrogate) | {"QPseudoSpike": QPseudoSpike}
    for twin in (
        eval(repr(example), names | {"Scaled": Scaled, "Quantity": u.Quantity}),
        pickle.loads(pickle.dumps(example)),
        copy.deepcopy(example),
        example.replace(),
        get_surrogate(json.loads(json.dumps(surrogate_spec(example)))),
    ):
        assert twin == example
        assert hash(twin) == hash(example)


def test_repr_shows_what_is_not_the_default():
    assert repr(QPseudoSpike(2, dampening=1)) == "QPseudoSpike(alpha=2.0)"
    compact = Scaled(Sigmoid(), scale=2 * u.mV, residual_dtype="uint8")
    assert repr(compact) == (
        "Scaled(surrogate=Sigmoid(alpha=4.0), scale=Quantity(2.0, \"mV\"), residual_dtype='uint8')"
    )


def test_jax_arrays_and_states_compare_by_identity():
    alpha, state = jnp.array([1.0, 2.0]), brainstate.State(2.0)
    assert QPseudoSpike(alpha) == QPseudoSpike(alpha)
    assert hash(QPseudoSpike(alpha)) == hash(QPseudoSpike(alpha))
    assert QPseudoSpike(alpha) != QPseudoSpike(jnp.array([1.0, 2.0]))
    assert QPseudoSpike(state) == QPseudoSpike(state)


def test_a_deep_copy_has_states_of_its_own():
    alpha = brainstate.ShortTermState(jnp.float32(1.0))
    surrogates = [Scaled(QPseudoSpike(alpha), scale=alpha), QPseudoSpike(alpha)]
    assert copy.copy(surrogates[0]) == surrogates[0]
    scaled, plain = copy.deepcopy(surrogates)
    alpha.value = jnp.float32(9.0)
    assert scaled.surrogate_grad(1.0) == plain.surrogate_grad(1.0) == 0.5  # 1 / (1 + |x|)
    assert scaled.scale is scaled.surrogate.alpha is plain.alpha


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_a_numpy_array_is_copied_and_compared_by_its_numbers(name):
    values = np.array([1.0, 2.0])
    view = values[:]
    view.flags.writeable = False  # it cannot be written to, but what it shows can
    surrogate, twin = QPseudoSpike(**{name: values}), QPseudoSpike(**{name: view})
    before = surrogate.surrogate_grad(1.0)
    assert surrogate == twin
    values[:] = 9.0
    np.testing.assert_array_equal(surrogate.surrogate_grad(1.0), before)
    assert surrogate == twin == surrogate.replace()
    assert surrogate != QPseudoSpike(**{name: values})
    assert pickle.loads(pickle.dumps(surrogate)) == surrogate
    with pytest.raises(ValueError, match="read-only"):
        getattr(surrogate, name)[0] = 5.0


def test_arrays_in_millivolts_and_in_the_scaled_surrogate_are_copied():
    values = np.array([4.0, 2.0])
    millivolts, scaled = QPseudoSpike(scale=values * u.mV), Scaled(Sigmoid(values))
    before = hash(scaled)
    values[:] = 100.0
    assert_close(millivolts.surrogate_grad(jnp.zeros(2) * u.mV) * u.mV, jnp.array([0.25, 0.5]))
    assert_close(scaled.surrogate_grad(jnp.zeros(2)), jnp.array([1.0, 0.5]))
    assert hash(scaled) == before


def test_immutable():
    inner = Sigmoid(4.0)
    for example in (QPseudoSpike(), Scaled(inner)):
        for name in ("scale", "surrogate", "something_else"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(example, name, 3.0)
        with pytest.raises(TypeError, match="beta"):
            example.replace(beta=1.0)
        with pytest.raises(ValueError, match="dampening"):
            example.replace(dampening=-1)
    inner.alpha = 100.0
    assert example == Scaled(Sigmoid(4.0))
    assert example.replace(surrogate=Sigmoid(1.0)) == Scaled(Sigmoid(1.0))
    with pytest.raises(TypeError, match="positional"):
        QPseudoSpike(2.0, 1.0)
    with pytest.raises(TypeError, match="positional"):
        q_pseudo_spike(1.0, 2.0, 1.0)


def test_equal_static_arguments_compile_once():
    traced = []
    call = jax.jit(lambda spike, x: traced.append(1) or spike(x), static_argnums=0)
    for alpha in (2, 2.0, np.float32(2)):
        call(QPseudoSpike(alpha, scale=15 * u.mV), 3 * u.mV)
        call(Scaled(Sigmoid(alpha), dampening=0.5), 1.0)
    assert len(traced) == 2
    call(QPseudoSpike(2.5, scale=15 * u.mV), 3 * u.mV)
    assert len(traced) == 3


def test_from_q_is_the_paper():
    """Peak 1 and area 1; the formula is in test_conformance.py."""
    for q in (1.5, 2.0, 8.0, math.inf):
        example = QPseudoSpike.from_q(q)
        assert_close(example.surrogate_grad(jnp.float32(0.0)), 1.0)
        assert float(example.surrogate_fun(jnp.float32(1e15))) == pytest.approx(1.0, abs=1e-6)
    # alpha + 1 in place of q - 1 widens the surrogate: at alpha = 2 its area is 3.
    assert_close(QPseudoSpike(2.0).surrogate_fun(jnp.array([-1e15, 1e15])), [-1.0, 2.0])


NOT_NUMBERS = ["2.0", None, 2j, True, np.True_, np.array([1j]), np.array(["2"]), [2.0], object()]
NOT_POSITIVE = [0, -0.5, float("nan"), -float("inf"), np.float32(0)]
PARAMETERS = ["alpha", "scale", "dampening"]
OUTSIDE = {
    "scale": "Measure x and scale in another unit",
    "dampening": "Multiply the loss by a constant instead",
}


def entries(name):
    """The classes and the function, called with one parameter."""
    calls = [
        lambda value: QPseudoSpike(**{name: value}),
        lambda value: q_pseudo_spike(1.0, **{name: value}),
        lambda value: QPseudoSpike().replace(**{name: value}),
    ]
    return calls if name == "alpha" else [*calls, lambda v: Scaled(Sigmoid(), **{name: v})]


def refused(name, value):
    """What each entry says, which must be the same."""
    said = set()
    for call in entries(name):
        with pytest.raises((TypeError, ValueError, u.UnitMismatchError)) as error:
            call(value)
        said.add((error.type, str(error.value)))
    (one,) = said
    return one


ARRAYS = [np.array, jnp.array, lambda v: brainstate.State(jnp.array(v))]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_entry_refuses_a_value_alike_with_the_rule_the_value_and_the_fix(name):
    for value in NOT_NUMBERS:
        if name != "scale" or value is not None:  # its default
            kind, said = refused(name, value)
            assert kind is TypeError
            assert said.startswith(f"{name} must be a positive real number")
            assert f"For example {name}=2.0" in said
            assert said.endswith(" or scale=15 * brainunit.mV") == (name == "scale")
            assert repr(value) in said
    for value in NOT_POSITIVE:
        rule = f"{name} must be greater than 0, got {float(value)}. For example {name}=2.0"
        assert refused(name, value) == (ValueError, rule)
    for kind in ARRAYS:
        error, said = refused(name, kind([1.0, -3.0, 2.0]))
        assert error is ValueError
        assert f"{name} must be greater than 0, got -3.0 among" in said
    if name in OUTSIDE:
        for value in (9.9e-8, 1.1e7, math.inf):
            rule = f"{name} must be between 1e-7 and 1e7, got {value:.3g}"
            assert refused(name, value) == (ValueError, f"{rule}. {OUTSIDE[name]}")
            for kind in ARRAYS:
                among = f"{rule} among its elements. {OUTSIDE[name]}"
                assert refused(name, kind([1.0, value])) == (ValueError, among)
    error, said = refused(name, brainstate.ParamState(jnp.float32(2.0)))  # would be trained
    assert error is TypeError
    for part in ("must not be a brainstate.ParamState", "ShortTermState", f"{name}=state.value"):
        assert part in said
    if name == "scale":
        for value in (-1 * u.mV, np.array([1.0, -1.0]) * u.mV):
            error, said = refused(name, value)
            assert said.startswith("scale must be greater than 0, got -1.0 * u.mV")
            QPseudoSpike(scale=eval(said.partition("For example scale=")[2]))
    else:
        rule = f"{name} must be a number without a unit, got 2 mV. For example {name}=2.0"
        assert refused(name, 2 * u.mV) == (u.UnitMismatchError, rule)


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_does_not_broadcast(name):
    surrogate = QPseudoSpike(**{name: jnp.ones(3)})
    for method in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
        rule = rf"must broadcast against x.*'{name}': \(3,\).*\(4,\)"
        with pytest.raises(ValueError, match=rule):
            method(jnp.ones(4))


def test_other_parameters():
    for value in ("int8", "float32", jnp.float64, "bf16", 16):
        with pytest.raises(ValueError, match="residual_dtype must be None or one of bfloat16"):
            QPseudoSpike(residual_dtype=value)
    assert QPseudoSpike(residual_dtype=jnp.bfloat16).residual_dtype == "bfloat16"
    with pytest.raises(TypeError, match="instance of .*Surrogate, got 'Sigmoid'. Build one"):
        Scaled("Sigmoid")
    with pytest.raises(TypeError, match=r"Build one: braintools_qps.get_surrogate\(Sigmoid\)"):
        Scaled(Sigmoid)
    for q in (1.0, 0.5, jnp.array([2.0, 1.0])):
        with pytest.raises(ValueError, match="q must be greater than 1"):
            QPseudoSpike.from_q(q)
    with pytest.raises(ValueError, match="sharpness must be greater than 0"):
        QPseudoSpike.from_q(2.0, sharpness=0)


def test_numbers_become_floats():
    for value in (2, np.int64(2), np.float32(2), np.float64(2), 2 * u.volt / (1000 * u.mV)):
        assert type(QPseudoSpike(value).alpha) is float
        assert QPseudoSpike(value) == QPseudoSpike(2.0)


def test_a_parameter_that_the_curve_does_not_know_is_an_error():
    """Its derivatives would be wrong without a word."""

    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Wider(QPseudoSpike):
        gain: float = dataclasses.field(default=1.0, kw_only=True, metadata={"declaration": ALPHA})

    with pytest.raises(TypeError, match="gain"):
        Wider().surrogate_grad(0.0)
