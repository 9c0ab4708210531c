"""Objects: immutable, compared by their parameters, copied, adjusted; bad parameters."""

import copy
import dataclasses
import json
import math
import pickle
from functools import partial

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, Sigmoid, Surrogate
from faulty_layers import Ternary

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    get_surrogate,
    q_pseudo_spike,
    register_surrogate,
    surrogate_spec,
)
from braintools_qps._registry import call_text, candidates
from braintools_qps._surrogate import adjusted, traceable
from braintools_qps._surrogate.parameters import ALPHA


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WithDelay(QPseudoSpike):
    """A subclass with a parameter that nothing else knows of."""

    delay: float = dataclasses.field(default=1.0, kw_only=True)


class Holder(Sigmoid):
    """Of another library, with whatever a user may keep in a surrogate."""

    def __init__(self, alpha):
        super().__init__(4.0)
        self.alpha = alpha


EXAMPLES = [
    QPseudoSpike(),
    QPseudoSpike(math.inf, dampening=0.25),
    QPseudoSpike(1.7, scale=15 * u.mV, residual_dtype="uint8"),
    QPseudoSpike(3, scale=0.1 + 0.2, residual_dtype="bfloat16"),
    QPseudoSpike(scale=1e-7, dampening=1e7),  # the ends of the range
    QPseudoSpike.from_q(2.5, sharpness=3.0, scale=2 * u.mV / u.ms),
    WithDelay(3.0, delay=2.0),
    Scaled(Sigmoid(4.0)),
    Scaled(Sigmoid(2.0), scale=15 * u.mV, residual_dtype="uint8"),
    Scaled(QPseudoSpike(1.7, scale=2.0), dampening=0.25),
    Scaled(Scaled(S2NN(), scale=3.0), scale=u.mV, dampening=0.5),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_equal_after_repr_pickle_copy_spec_and_call(example):
    register_surrogate(WithDelay)
    assert isinstance(example, Surrogate)
    names = vars(braintools.surrogate) | {"QPseudoSpike": QPseudoSpike, "WithDelay": WithDelay}
    for twin in (
        eval(repr(example), names | {"Scaled": Scaled, "Quantity": u.Quantity}),
        pickle.loads(pickle.dumps(example)),
        copy.deepcopy(example),
        example.replace(),
        get_surrogate(json.loads(json.dumps(surrogate_spec(example), allow_nan=False))),
        get_surrogate(repr(example)),
        get_surrogate(call_text(example)),
    ):
        assert twin == example
        assert hash(twin) == hash(example)


ARRAY, STATE = jnp.ones(2), brainstate.State(jnp.ones(()))
VALUES = [  # no two are the same; JAX's arrays and States count by identity
    *(4.0, 2.0, [4.0], [1.0, {"a": 2.0}], "4.0", u.Quantity(2.0, unit=u.mV), abs, STATE, ARRAY),
    *(np.ones(2), np.ones((2, 1)), np.ones(2, np.float32), np.array([1.0, 2.0])),
    *(jnp.ones(2), brainstate.State(jnp.ones(()))),
]


def every_kind():
    """Surrogates of which no two are the same, made of the same values each time."""
    return [
        *(Scaled(Holder(copy.copy(v) if isinstance(v, np.ndarray) else v)) for v in VALUES),
        *(Scaled(inner) for inner in (Sigmoid(), Sigmoid(2), S2NN(), Scaled(Scaled(Sigmoid())))),
        Scaled(Sigmoid(), residual_dtype="uint8"), Scaled(Sigmoid(), dampening=np.ones(3)),
        Scaled(braintools.surrogate.QPseudoSpike()), Scaled(QPseudoSpike()), QPseudoSpike(),
        QPseudoSpike(STATE), QPseudoSpike(dampening=STATE), QPseudoSpike(residual_dtype="uint8"),
        QPseudoSpike(scale=1.0), QPseudoSpike(scale=u.mV), QPseudoSpike(scale=u.volt),
        QPseudoSpike(np.ones(3)), QPseudoSpike(dampening=np.ones(3)), WithDelay(delay=2.0),
        QPseudoSpike(dampening=np.ones((3, 1))), QPseudoSpike(scale=np.ones(3)), WithDelay(),
        QPseudoSpike(scale=np.ones(3) * u.mV),
    ]  # fmt: skip


def test_surrogates_are_equal_exactly_if_class_and_parameters_are():
    assert every_kind() == every_kind()
    assert len({*every_kind(), *every_kind()}) == len(every_kind())
    # What is compared by identity is kept alive, so that nothing else takes its place.
    assert len({Scaled(Holder(jnp.full(3, float(i)))) for i in range(50)}) == 50


def test_what_differs_in_numbers_alone_is_traced_as_one_and_nothing_else():
    one = traceable(QPseudoSpike(2.0))
    assert one.numbers == {"alpha": 2.0, "dampening": 1.0}
    assert traceable(QPseudoSpike(math.inf, dampening=0.5)).key == one.key
    assert traceable(Sigmoid()).key == traceable(Scaled(Sigmoid(), dampening=0.5)).key
    assert traceable(QPseudoSpike(jnp.float32(3.0))).numbers["alpha"] == 3.0
    built = one.build({"alpha": 4.0, "dampening": 2.0, "learning_rate": 0.1})
    assert built == QPseudoSpike(4.0, dampening=2.0)
    keys, again = ([traceable(surrogate).key for surrogate in every_kind()] for _ in range(2))
    assert keys == again
    assert len({*keys}) == len(keys)


def test_a_field_that_a_subclass_adds_is_kept():
    other = WithDelay(delay=2.0)
    assert "delay" not in repr(WithDelay())
    for changed in (
        WithDelay().replace(delay=2.0),
        adjusted(other, dampening=0.5),
        adjusted(other, residual_dtype="uint8"),
        traceable(other).build({"alpha": 3.0, "dampening": 1.0}),
    ):
        assert changed.delay == 2.0
    assert len(candidates([WithDelay(), other])) == 2


@pytest.mark.parametrize(
    ("surrogate", "changes", "expected"),
    [
        (QPseudoSpike(), {"dampening": 1, "scale": 1.0}, QPseudoSpike()),
        (QPseudoSpike(dampening=3.0), {"dampening": 0.2504}, QPseudoSpike(dampening=0.7512)),
        (QPseudoSpike(scale=2 * u.mV), {"scale": 0.5}, QPseudoSpike(scale=1.0 * u.mV)),
        (QPseudoSpike(scale=np.ones(2)), {"scale": 2}, QPseudoSpike(scale=np.full(2, 2.0))),
        (QPseudoSpike(), {"residual_dtype": "uint8"}, QPseudoSpike(residual_dtype="uint8")),
        (Sigmoid(), {"dampening": 0.5}, Scaled(Sigmoid(), dampening=0.5)),
        (Sigmoid(), {"residual_dtype": "uint8"}, Scaled(Sigmoid(), residual_dtype="uint8")),
        (Sigmoid(), {"alpha": 2.0}, Sigmoid(2.0)),
        (Scaled(Sigmoid(), scale=2.0), {"scale": 2.0}, Scaled(Sigmoid(), scale=4.0)),
        (Scaled(Sigmoid()), {"alpha": 2.0}, Scaled(Sigmoid(2.0))),
    ],
)
def test_adjusted_multiplies_and_replaces(surrogate, changes, expected):
    assert repr(adjusted(surrogate, **changes)) == repr(expected)


def test_adjusted_goes_on_reading_a_state_and_refuses_a_parameter_that_is_not_there():
    state = brainstate.State(jnp.float32(1.0))
    half = adjusted(QPseudoSpike(dampening=state), dampening=0.5)
    state.value = jnp.float32(3.0)
    assert half.surrogate_grad(0.0) == 1.5
    with pytest.raises(ValueError, match=r"has no alpha to set .* Leave alpha out"):
        adjusted(Surrogate(), alpha=2.0)


def test_a_deep_copy_has_states_of_its_own():
    alpha = brainstate.ShortTermState(jnp.float32(1.0))
    surrogates = [Scaled(QPseudoSpike(alpha), scale=alpha), QPseudoSpike(alpha)]
    assert copy.copy(surrogates[0]) == surrogates[0]
    scaled, plain = copy.deepcopy(surrogates)
    alpha.value = jnp.float32(9.0)
    assert scaled.surrogate_grad(1.0) == plain.surrogate_grad(1.0) == 0.5  # 1 / (1 + |x|)
    assert scaled.scale is scaled.surrogate.alpha is plain.alpha


@pytest.mark.parametrize(
    "make",
    [
        QPseudoSpike, lambda v: QPseudoSpike(scale=v), lambda v: QPseudoSpike(scale=v * u.mV),
        lambda v: QPseudoSpike(dampening=v), lambda v: Scaled(Sigmoid(v)),
    ],
)  # fmt: skip
def test_a_numpy_array_is_copied_and_compared_by_its_numbers(make):
    values = np.array([1.0, 2.0])
    view = values[:]
    view.flags.writeable = False  # it cannot be written to, but what it shows can
    surrogate, twin = make(values), make(view)
    before = hash(surrogate)
    values[:] = 9.0
    assert surrogate == twin == make(np.array([1.0, 2.0])) != make(values)
    assert hash(surrogate) == before
    assert pickle.loads(pickle.dumps(surrogate)) == surrogate


@pytest.mark.parametrize("name", ["alpha", "scale", "dampening"])
def test_an_array_of_a_surrogate_is_read_only(name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(QPseudoSpike(**{name: np.ones(2)}), name)[0] = 5.0


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


PARAMETERS = ["alpha", "scale", "dampening"]
NOT_NUMBERS = ["2.0", 2j, True, np.True_, np.array([1j]), np.array(["2"]), [2.0], object()]
NOT_POSITIVE = [0, -0.5, float("nan"), -float("inf"), np.float32(0)]
ARRAYS = [np.array, jnp.array, lambda v: brainstate.State(jnp.array(v))]
OUTSIDE = {
    "scale": "Measure x and scale in another unit",
    "dampening": "Multiply the loss by a constant instead",
}


def refused(name, value):
    """What the classes and the function say of one parameter, which must be the same."""
    calls = [QPseudoSpike, partial(q_pseudo_spike, 1.0), QPseudoSpike().replace]
    said = set()
    for call in calls if name == "alpha" else [*calls, partial(Scaled, Sigmoid())]:
        with pytest.raises((TypeError, ValueError, u.UnitMismatchError)) as error:
            call(**{name: value})
        said.add((error.type, str(error.value)))
    (one,) = said
    return one


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_entry_refuses_a_value_alike_with_the_rule_the_value_and_the_fix(name):
    for value in NOT_NUMBERS:
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
    error, said = refused(name, brainstate.ParamState(jnp.float32(2.0)))  # would be trained
    assert error is TypeError
    for part in ("must not be a brainstate.ParamState", "ShortTermState", f"{name}=state.value"):
        assert part in said


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("value", [9.9e-8, 1.1e7, math.inf])
def test_a_value_out_of_its_range_is_refused(name, value):
    rule, fix = f"{name} must be between 1e-7 and 1e7, got {value:.3g}", OUTSIDE[name]
    assert refused(name, value) == (ValueError, f"{rule}. {fix}")
    among = f"{rule} among its elements. {fix}"
    assert all(refused(name, kind([1.0, value])) == (ValueError, among) for kind in ARRAYS)


def test_only_the_scale_has_a_unit():
    for value in (-1 * u.mV, np.array([1.0, -1.0]) * u.mV):
        _, said = refused("scale", value)
        assert said.startswith("scale must be greater than 0, got -1.0 * u.mV")
        QPseudoSpike(scale=eval(said.partition("For example scale=")[2]))
    for name in ("alpha", "dampening"):
        rule = f"{name} must be a number without a unit, got 2 mV. For example {name}=2.0"
        assert refused(name, 2 * u.mV) == (u.UnitMismatchError, rule)
        assert refused(name, None)[0] is TypeError


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_does_not_broadcast(name):
    surrogate = QPseudoSpike(**{name: jnp.ones(3)})
    for method in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
        with pytest.raises(ValueError, match=rf"broadcast against x.*'{name}': \(3,\).*\(4,\)"):
            method(jnp.ones(4))
    with pytest.raises(ValueError, match=r"broadcast against x.*'surrogate': \(3,\).*\(4,\)"):
        Scaled(Sigmoid(jnp.ones(3)))(jnp.ones(4))


def test_other_parameters():
    for value in ("int8", "float32", jnp.float64, "bf16", 16):
        with pytest.raises(ValueError, match="residual_dtype must be None or one of bfloat16"):
            QPseudoSpike(residual_dtype=value)
    assert QPseudoSpike(residual_dtype=jnp.bfloat16).residual_dtype == "bfloat16"
    with pytest.raises(TypeError, match="instance of .*Surrogate, got 'Sigmoid'. Build one"):
        Scaled("Sigmoid")
    with pytest.raises(TypeError, match=r"Build one: braintools_qps.get_surrogate\(Sigmoid\)"):
        Scaled(Sigmoid)
    with pytest.raises(ValueError, match="must send 0 or 1 to be scaled or compared, got Ternary"):
        Scaled(Ternary())
    for q in (1.0, 0.5, jnp.array([2.0, 1.0])):
        with pytest.raises(ValueError, match="q must be greater than 1"):
            QPseudoSpike.from_q(q)
    with pytest.raises(ValueError, match="sharpness must be greater than 0"):
        QPseudoSpike.from_q(2.0, sharpness=0)


def test_numbers_become_floats():
    for value in (2, np.int64(2), np.float32(2), np.float64(2), u.Quantity(0.002, u.volt / u.mV)):
        assert type(QPseudoSpike(value).alpha) is float
        assert QPseudoSpike(value) == QPseudoSpike(2.0)
    assert QPseudoSpike(scale=u.mV) == QPseudoSpike(scale=1.0 * u.mV)


def test_a_parameter_that_the_curve_does_not_know_is_an_error():
    """Its derivatives would be wrong without a word."""

    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Wider(QPseudoSpike):
        gain: float = dataclasses.field(default=1.0, kw_only=True, metadata={"declaration": ALPHA})

    with pytest.raises(TypeError, match="gain"):
        Wider().surrogate_grad(0.0)
