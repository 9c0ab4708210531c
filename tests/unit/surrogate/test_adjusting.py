"""Same or not the same, with other numbers, and what of a surrogate can be traced."""

import copy
import pickle
from dataclasses import dataclass, field

import brainstate
import braintools.surrogate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import S2NN, Sigmoid, Surrogate

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, register_surrogate, surrogate_spec
from braintools_qps._registry import candidates
from braintools_qps._surrogate import adjusted, surrogate_key, traceable
from braintools_qps._surrogate.parameters import Declaration, positive


@dataclass(frozen=True, eq=False, repr=False)
class WithDelay(QPseudoSpike):
    """A subclass with a parameter that nothing else knows of."""

    delay: float = field(default=1.0, kw_only=True)


@dataclass(frozen=True, eq=False, repr=False)
class WithGain(QPseudoSpike):
    """A subclass whose parameter declares itself."""

    gain: float = field(
        default=1.0, kw_only=True, metadata={"declaration": Declaration(positive, varies=True)}
    )


class Array(Sigmoid):
    """Of another library, with whatever a user may keep in a surrogate."""

    def __init__(self, alpha):
        super().__init__(4.0)
        self.alpha = alpha


def test_a_field_that_a_subclass_adds_is_forgotten_nowhere():
    one, same, other = WithDelay(), WithDelay(delay=1.0), WithDelay(delay=2.0)
    assert surrogate_key(one) == surrogate_key(same)
    assert surrogate_key(one) != surrogate_key(other)
    assert "delay=2.0" in repr(other)
    assert "delay" not in repr(one)
    assert one.replace(delay=2.0) == other
    assert traceable(one).key == traceable(same).key
    assert traceable(one).key != traceable(other).key
    assert traceable(other).build(traceable(other).numbers) == other
    for changed in (adjusted(other, dampening=0.5), adjusted(other, residual_dtype="uint8")):
        assert changed.delay == 2.0
    for twin in (copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        assert twin == other
    assert len(candidates([one, other])) == 2
    with pytest.raises(ValueError, match="need unique labels"):
        candidates([one, same])
    register_surrogate(WithDelay)
    assert get_surrogate(surrogate_spec(other)) == other


def test_a_declared_field_is_checked_traced_and_read_from_a_state():
    with pytest.raises(ValueError, match="gain must be greater than 0, got -1.0"):
        WithGain(gain=-1)
    assert traceable(WithGain(gain=3)).numbers == {"alpha": 2.0, "dampening": 1.0, "gain": 3.0}
    gain = brainstate.ShortTermState(3.0)
    surrogate = WithGain(gain=gain)
    gain.value = 5.0
    assert surrogate._numbers()["gain"] == 5.0


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (Sigmoid(2.0), Sigmoid(2)),
        (Array(np.ones(2)), Array(np.ones(2))),
        (Array([1.0, {"a": 2.0}]), Array([1.0, {"a": 2.0}])),
        (Array(u.Quantity(2.0, unit=u.mV)), Array(u.Quantity(2.0, unit=u.mV))),
        (Scaled(Scaled(Sigmoid())), Scaled(Scaled(Sigmoid()))),
    ],
)
def test_surrogates_of_the_same_numbers_are_the_same(one, same):
    assert surrogate_key(one) == surrogate_key(same)
    assert hash(surrogate_key(one)) == hash(surrogate_key(same))


def test_surrogates_of_other_numbers_units_shapes_and_classes_are_not():
    state = brainstate.State(jnp.ones(()))
    volts = u.Quantity(2.0, unit=u.mV)
    different = [
        Sigmoid(), Sigmoid(2.0), S2NN(), Scaled(Sigmoid()), Array(4.0), Array([4.0]), Array("4.0"),
        Array(np.ones(2)), Array(np.ones((2, 1))), Array(np.ones(2, np.float32)), Array(state),
        Array(np.array([1.0, 2.0])), Array(jnp.ones(2)), Array(jnp.ones(2)), Array(volts),
        Array(lambda x: x), Array(brainstate.State(jnp.ones(()))), Array(2.0),
        QPseudoSpike(state), QPseudoSpike(dampening=state), QPseudoSpike(residual_dtype="uint8"),
        QPseudoSpike(scale=1.0), QPseudoSpike(scale=u.mV), QPseudoSpike(scale=u.volt),
        QPseudoSpike(), braintools.surrogate.QPseudoSpike(),
    ]  # fmt: skip
    assert len({surrogate_key(one) for one in different}) == len(different)
    assert surrogate_key(Array(state)) == surrogate_key(Array(state))
    # What is compared by identity is kept alive, so that nothing else takes its place.
    assert len({surrogate_key(Array(jnp.full(3, float(i)))) for i in range(50)}) == 50


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
)  # fmt: skip
def test_adjusted_multiplies_and_replaces(surrogate, changes, expected):
    assert repr(adjusted(surrogate, **changes)) == repr(expected)


def test_adjusted_wraps_a_state_which_goes_on_being_read():
    state = brainstate.State(jnp.float32(1.0))
    half = adjusted(QPseudoSpike(dampening=state), dampening=0.5)
    state.value = jnp.float32(3.0)
    assert half.surrogate_grad(0.0) == 1.5


def test_adjusted_refuses_a_parameter_that_is_not_there():
    with pytest.raises(ValueError, match=r"has no alpha to set .* Leave alpha out"):
        adjusted(Surrogate(), alpha=2.0)


def test_what_differs_in_numbers_alone_is_traced_as_one():
    one = traceable(QPseudoSpike(2.0))
    assert one.numbers == {"alpha": 2.0, "dampening": 1.0}
    assert traceable(QPseudoSpike(float("inf"), dampening=0.5)).key == one.key
    assert traceable(Sigmoid()).key == traceable(Scaled(Sigmoid(), dampening=0.5)).key
    assert traceable(QPseudoSpike(jnp.float32(3.0))).numbers["alpha"] == 3.0
    assert one.build({"alpha": 4.0, "dampening": 2.0, "learning_rate": 0.1}) == QPseudoSpike(
        4.0, dampening=2.0
    )


def test_what_differs_in_more_than_numbers_is_not_traced_as_one():
    array = np.ones(3)
    different = [
        QPseudoSpike(), QPseudoSpike(scale=1.0), QPseudoSpike(scale=10 * u.mV), Sigmoid(),
        Sigmoid(2.0), QPseudoSpike(residual_dtype="uint8"), QPseudoSpike(array), S2NN(),
        QPseudoSpike(dampening=array), QPseudoSpike(dampening=array[:, None]),
        QPseudoSpike(scale=array), QPseudoSpike(scale=array * u.mV), Scaled(QPseudoSpike()),
        Scaled(Sigmoid(), residual_dtype="uint8"), Scaled(Sigmoid(), dampening=array),
    ]  # fmt: skip
    assert len({traceable(one).key for one in different}) == len(different)
    assert traceable(Scaled(Sigmoid(), dampening=array.copy())).key == traceable(different[-1]).key
