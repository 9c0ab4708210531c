"""Scaled as an object: scaled twice, equal to its copies, and in a spec."""

import copy
import dataclasses
import json
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

from braintools_qps import QPseudoSpike, Scaled, get_surrogate, surrogate_spec
from braintools_qps.testing import check_surrogate

X = jnp.array([-3.0, -0.5, 0.0, 0.5, 2.0])
EXAMPLES = [
    Scaled(Sigmoid(4.0)),
    Scaled(Sigmoid(2.0), scale=15 * u.mV, residual_dtype="uint8"),
    Scaled(QPseudoSpike(1.7, scale=2.0), dampening=0.25),
    Scaled(Scaled(S2NN(), scale=3.0), scale=u.mV, dampening=0.5),
]


class TestComposition:
    """What is scaled twice has the product of the scales and that of the dampenings."""

    def same(self, spike, other, x=X):
        gradient, expected = spike.surrogate_grad(x), other.surrogate_grad(x)
        assert u.get_unit(gradient) == u.get_unit(expected)
        np.testing.assert_array_equal(u.get_mantissa(gradient), u.get_mantissa(expected))
        np.testing.assert_array_equal(spike.surrogate_fun(x), other.surrogate_fun(x))

    def test_of_ours(self):
        nested = Scaled(QPseudoSpike(1.7, scale=2.0, dampening=0.5), scale=3.0, dampening=0.3)
        self.same(nested, QPseudoSpike(1.7, scale=6.0, dampening=0.15))

    def test_of_another(self):
        nested = Scaled(Scaled(Sigmoid(), scale=2.0, dampening=0.5), scale=3.0)
        self.same(nested, Scaled(Sigmoid(), scale=6.0, dampening=0.5))

    def test_a_unit_of_the_inner_one_stays(self):
        halved = Scaled(QPseudoSpike(scale=10 * u.mV), dampening=0.5)
        self.same(halved, QPseudoSpike(scale=10 * u.mV, dampening=0.5), X * u.mV)
        wider = Scaled(QPseudoSpike(scale=10 * u.mV), scale=2.0)
        self.same(wider, QPseudoSpike(scale=20 * u.mV), X * u.mV)

    def test_arrays_and_states(self):
        state = brainstate.State(jnp.array([2.0] * 5))
        nested = Scaled(QPseudoSpike(3.0, scale=state), scale=jnp.full(5, 3.0))
        self.same(nested, QPseudoSpike(3.0, scale=jnp.full(5, 6.0), dampening=jnp.ones(())))

    def test_the_inner_residuals_are_replaced(self):
        inner = QPseudoSpike(residual_dtype="uint8")
        exact = Scaled(inner, dampening=0.5)
        derivative = jax.vjp(exact, X)[1](jnp.ones(5))[0]
        np.testing.assert_array_equal(derivative, exact.surrogate_grad(X))


class TestObject:
    @pytest.mark.parametrize("example", EXAMPLES, ids=repr)
    def test_equal_after_repr_pickle_copy_and_spec(self, example):
        names = vars(braintools.surrogate) | {"QPseudoSpike": QPseudoSpike}
        names |= {"Scaled": Scaled, "Quantity": u.Quantity}
        for twin in (
            eval(repr(example), names),
            pickle.loads(pickle.dumps(example)),
            copy.deepcopy(example),
            example.replace(),
            get_surrogate(json.loads(json.dumps(surrogate_spec(example)))),
        ):
            assert twin == example
            assert hash(twin) == hash(example)

    def test_different_ones_are_not_equal(self):
        assert len({*EXAMPLES, Scaled(Sigmoid(4)), Scaled(Sigmoid(4.5))}) == len(EXAMPLES) + 1
        assert Scaled(QPseudoSpike()) != Scaled(braintools.surrogate.QPseudoSpike(2.0))
        assert Scaled(QPseudoSpike()) != QPseudoSpike()

    def test_repr(self):
        assert repr(Scaled(QPseudoSpike())) == "Scaled(surrogate=QPseudoSpike(alpha=2.0))"
        shown = 'Scaled(surrogate=Sigmoid(alpha=4.0), scale=Quantity(2.0, "mV"), dampening=0.5)'
        assert repr(Scaled(Sigmoid(), scale=2 * u.mV, dampening=0.5)) == shown

    def test_immutable(self):
        inner = Sigmoid(4.0)
        spike = Scaled(inner)
        inner.alpha = 100.0
        assert_close(spike.surrogate_grad(0.0), 1.0)
        with pytest.raises(dataclasses.FrozenInstanceError):
            spike.surrogate = inner
        assert spike.replace(surrogate=Sigmoid(1.0)) == Scaled(Sigmoid(1.0))

    def test_a_numpy_array_in_the_surrogate_is_copied(self):
        slopes = np.array([4.0, 2.0])
        spike = Scaled(Sigmoid(slopes))
        before = hash(spike)
        slopes[:] = 100.0
        assert_close(spike.surrogate_grad(jnp.zeros(2)), jnp.array([1.0, 0.5]))
        assert hash(spike) == before
        with pytest.raises(ValueError, match="read-only"):
            spike.surrogate.alpha[0] = 1.0

    def test_equal_static_arguments_compile_once(self):
        traces = []
        call = jax.jit(lambda spike, x: traces.append(1) or spike(x), static_argnums=0)
        for _ in range(3):
            call(Scaled(Sigmoid(4.0), dampening=0.5), 1.0)
        assert len(traces) == 1

    def test_bad_parameters(self):
        with pytest.raises(TypeError, match="instance of .*Surrogate, got 'Sigmoid'. Build one"):
            Scaled("Sigmoid")
        with pytest.raises(TypeError, match=r"Build one: braintools_qps.get_surrogate\(Sigmoid\)"):
            Scaled(Sigmoid)
        with pytest.raises(ValueError, match="dampening must be greater than 0"):
            Scaled(Sigmoid(), dampening=-1)
        with pytest.raises(TypeError, match="positional"):
            Scaled(Sigmoid(), 2.0)


class TestSpecs:
    EXPECTED = Scaled(Sigmoid(4.0), dampening=0.25)

    def test_as_a_call_string_and_as_a_mapping(self):
        for spec in (
            "Scaled('Sigmoid(alpha=4.0)', dampening=0.25)",
            "scaled(surrogate='sigmoid', dampening=0.25)",
            {"name": "Scaled", "surrogate": {"name": "Sigmoid", "alpha": 4.0}, "dampening": 0.25},
            {"name": "Scaled", "surrogate": "Sigmoid(alpha=4.0)", "dampening": 0.25},
        ):
            assert get_surrogate(spec) == self.EXPECTED
        assert get_surrogate(Scaled, surrogate=Sigmoid(4.0), dampening=0.25) == self.EXPECTED

    def test_nested_twice(self):
        spec = "Scaled(\"Scaled('QPseudoSpike(alpha=3.0)', scale='2 mV')\", dampening=0.5)"
        expected = Scaled(Scaled(QPseudoSpike(3.0), scale=2 * u.mV), dampening=0.5)
        assert get_surrogate(spec) == expected
        assert surrogate_spec(expected)["surrogate"]["scale"] == "2.0 mV"

    def test_without_a_surrogate(self):
        with pytest.raises(TypeError, match="missing .*'surrogate'. The surrogate is Scaled"):
            get_surrogate("Scaled")

    @pytest.mark.parametrize("spec", ["Scaled('Sigmoid')", "Scaled('QPseudoSpike', scale=2.0)"])
    def test_conforms(self, spec):
        check_surrogate(spec)

    def test_conforms_with_units(self):
        check_surrogate("Scaled('Sigmoid', scale='15 mV', dampening=0.3)", unit=u.mV)
