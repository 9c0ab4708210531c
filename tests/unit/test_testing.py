"""The conformance test: every property can be missed, and it says where."""

import re

import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from braintools.surrogate import SoftSign, Surrogate
from helpers import thorough
from small_stacks import Triangle

from braintools_qps import register_surrogate
from braintools_qps.testing import PROPERTIES, check_surrogate


def failures_of(surrogate):
    """What `check_surrogate` says of each property that fails, by its name."""
    try:
        check_surrogate(surrogate)
    except AssertionError as error:
        lines = [line.partition(": expected ") for line in str(error).split("\n  ")[1:]]
        places = [(*left.partition(" at x="), right) for left, _, right in lines]
        return {n: f"{at}{x}: expected {r}" for ns, at, x, r in places for n in ns.split(", ")}
    return {}


class Flattens(SoftSign):
    """Gives one spike for all."""

    def __call__(self, x):
        return jnp.max(super().__call__(x))


class Late(SoftSign):
    """Spikes only above the threshold."""

    def __call__(self, x):
        return super().__call__(jnp.where(x == 0, -1.0, x).astype(x.dtype))


class SpikesFarBelow(SoftSign):
    """As after an overflow."""

    def __call__(self, x):
        return super().__call__(jnp.where(x < -1e29, 1.0, x).astype(x.dtype))


class AlmostTheIntegral(SoftSign):
    """Off by little of the peak, which is 1/2, though by more of what the tail is."""

    def surrogate_fun(self, x):
        return super().surrogate_fun(x) + 2e-6 * x


class OverflowingSigmoid(Surrogate):
    """As in issue 427 of snnTorch: exp(-x) is infinite for a large -x, and inf / inf is NaN."""

    def surrogate_grad(self, x):
        exponential = jnp.exp(-x)
        return exponential / (1 + exponential) ** 2


class NanFarOut(SoftSign):
    """NaN where derivatives are compared, too."""

    def surrogate_grad(self, x):
        return jnp.where(x > 5, jnp.nan, super().surrogate_grad(x)).astype(x.dtype)


class HoldsALambda(SoftSign):
    """And has the hash of its identity, but not the equality."""

    def __init__(self, alpha=1.0):
        super().__init__(alpha)
        self.function = lambda x: x

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return id(self)


class Forgetful(SoftSign):
    def __init__(self, width=1.0):
        super().__init__(width)


class Zero(Surrogate):
    """Trains nothing."""

    def surrogate_grad(self, x):
        return jnp.zeros_like(x)


FINITE = "finite (exp(x) overflows; exp(-abs(x)) does not)"
DERIVATIVES = {"reverse mode", "forward mode", "jit", "vmap", "scan"}
# Surrogate, the properties that it lacks, and what is said of one of them.
FAILS = [
    (Triangle, {"negative by at most 10% of its peak"}, " at x=7.3: expected -0.1, got -1"),
    (Zero, {"not 0 everywhere"}, ": expected True, got False"),
    (Late, {"heaviside"}, " at x=-0: expected 1, got 0"),
    (Flattens, {"heaviside", "jit", "reverse mode", "forward mode"}, " the shape (10,), got ()"),
    (OverflowingSigmoid, {FINITE}, " at x=-100: expected 0, got nan"),
    (HoldsALambda, {"hash", "pickle"}, ""),
    (Forgetful, {"spec"}, ""),
]
SELDOM = [
    (AlmostTheIntegral, set(), ""),
    (SpikesFarBelow, {"heaviside"}, " at x=-1e+30: expected 0, got 1"),
    (NanFarOut, {FINITE}, " at x=5.24"),
]
AT_ONCE = {
    "surrogate_fun": " at x=-7.3: expected 0.0072",
    "dtype of gradient": ", float32, got float32, ",
    "hash": ": expected no exception",
    "spec": ": expected no exception",
}


@pytest.mark.parametrize(
    ("surrogate", "properties", "said"), FAILS + [thorough(*row) for row in SELDOM]
)
def test_each_property_is_missed_where_it_lacks(surrogate, properties, said):
    register_surrogate(surrogate)
    failures = failures_of(surrogate())
    assert failures.keys() == properties
    assert not properties or any(said in failure for failure in failures.values())


def test_every_derivative_that_differs_is_found_with_its_place():
    class Doubled(SoftSign):
        """Its derivative is twice what surrogate_grad gives outside of the spike function."""

        inside = False

        def __call__(self, x):
            self.inside = True
            try:
                return super().__call__(x)
            finally:
                self.inside = False

        def surrogate_grad(self, x):
            return (1 + self.inside) * super().surrogate_grad(x)

    register_surrogate(Doubled)
    failures = failures_of(Doubled())
    assert failures.keys() >= DERIVATIVES
    # SoftSign with alpha=1 at the outermost point: 1 / (2 (1 + |x|)^2), half of what came.
    numbers = map(float, re.findall(r"-?\d+\.\d+", failures["reverse mode"]))
    assert [*numbers] == pytest.approx([-7.3, 0.5 / 8.3**2, 1 / 8.3**2], rel=1e-5)


def test_all_failures_are_reported_at_once():
    class Worst(SoftSign):
        __hash__ = None

        def surrogate_fun(self, x):
            return 2 * super().surrogate_fun(x)

        def surrogate_grad(self, x):
            return super().surrogate_grad(x).astype(jnp.float32)

    failures = failures_of(Worst())
    assert all(said in failures[name] for name, said in AT_ONCE.items())


def test_one_failure_of_many_properties_is_one_line():
    with pytest.raises(AssertionError, match="reverse mode, forward mode.*UnitMismatch") as caught:
        check_surrogate("QPseudoSpike", unit=u.mV)
    assert len(str(caught.value).splitlines()) < 5


def test_what_keeps_it_from_being_checked_is_said_alone_with_the_fix():
    class Without(Surrogate):
        def __call__(self, x):
            return (x >= 0).astype(x.dtype)

    with pytest.raises(AssertionError, match=r"conform: surrogate_grad is missing. Define .*$"):
        check_surrogate(Without())
    with pytest.raises(AssertionError, match=r"in mV needs a .*Scaled\(SoftSign\(.*, scale=.*$"):
        check_surrogate(SoftSign(), unit=u.mV)
    for spec in ("Scaled('SoftSign', scale='2 mV')", "QPseudoSpike(scale='15 mV')"):
        for unit in (None, u.mA):
            with pytest.raises(AssertionError, match=r"conform: its scale .* unit=u\.mV$"):
                check_surrogate(spec, unit=unit)


def test_what_is_stored_in_fewer_bits_does_not_conform_to_the_tolerance_of_exact_numbers():
    with pytest.raises(AssertionError, match="reverse mode"):
        check_surrogate("QPseudoSpike(residual_dtype='bfloat16')")


@pytest.mark.thorough
def test_double_precision_is_checked_where_it_is_enabled():
    class Single(SoftSign):
        def surrogate_grad(self, x):
            gradient = super().surrogate_grad(x)
            return gradient if x.dtype != jnp.float64 else gradient.astype(jnp.float32)

    register_surrogate(Single)
    assert "dtype of gradient" not in failures_of(Single())
    with jax.enable_x64(True):
        assert "dtype of gradient" in failures_of(Single())


def test_every_property_has_a_surrogate_above_that_lacks_it():
    in_rows = (properties for _, properties, _ in FAILS)
    seen = set().union(*in_rows, DERIVATIVES, AT_ONCE)
    assert seen == set(PROPERTIES) - {"dtype of spikes"}
