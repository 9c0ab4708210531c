"""The conformance kit: every check can fail, and says where."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import SoftSign, Surrogate

from braintools_qps import register_surrogate
from braintools_qps.testing import CHECKS, check_surrogate, find_failures


def failed(surrogate):
    return {failure.check for failure in find_failures(surrogate)}


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


class GrowsAnAxis(SoftSign):
    def __call__(self, x):
        return super().__call__(x)[..., None]


class WrongIntegral(SoftSign):
    def surrogate_fun(self, x):
        return 2 * super().surrogate_fun(x)


class AlmostTheIntegral(SoftSign):
    """Off by little of the peak, which is 1/2, though by more of what the tail is."""

    def surrogate_fun(self, x):
        return super().surrogate_fun(x) + 2e-6 * x


class BranchesInPython(SoftSign):
    def surrogate_grad(self, x):
        if jnp.ndim(x) == 0 and x < 0:
            return super().surrogate_grad(x)
        return super().surrogate_grad(x) if np.all(np.asarray(x) > -100) else 0.0 * x


class OverflowingSigmoid(SoftSign):
    """As in issue 427 of snnTorch: exp(-x) is infinite for a large -x, and inf / inf is NaN."""

    def surrogate_grad(self, x):
        exponential = jnp.exp(-x)
        return exponential / (1 + exponential) ** 2

    def surrogate_fun(self, x):
        raise NotImplementedError


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


class Constant(Surrogate):
    """Conforms: it passes the gradient on as it is."""

    def surrogate_grad(self, x):
        return jnp.ones_like(x)


class Triangular(Surrogate):
    """snnTorch's: 1 below the threshold, -1 above."""

    def surrogate_grad(self, x):
        return jnp.where(x < 0, 1.0, -1.0).astype(x.dtype)


class Zero(Surrogate):
    """Trains nothing."""

    def surrogate_grad(self, x):
        return jnp.zeros_like(x)


NAN_TOLD_ONCE = (
    "finite at x=-100: expected a finite gradient in float32, got surrogate_grad = nan there. One "
    "membrane potential at that distance makes all weights NaN. Compute with exp(-abs(x))"
)
# Surrogate, the checks that fail, and how one of their messages begins.
FAILS = [
    (Constant, set(), ""),
    (AlmostTheIntegral, set(), ""),
    (Triangular, {"positive"}, ""),
    (Zero, {"positive"}, "positive: expected a gradient above 0 somewhere, got 0"),
    (Late, {"heaviside"}, ""),
    (SpikesFarBelow, {"heaviside"}, "heaviside at x=-1e+30: expected 0, got 1"),
    (
        Flattens,
        {"heaviside", "jit", "reverse mode", "forward mode"},
        "heaviside: expected the shape (10,), got ()",
    ),
    (
        GrowsAnAxis,
        {"heaviside", "forward mode", "jit", "vmap", "scan"},
        "heaviside: expected the shape (10,), got (10, 1)",
    ),
    (NanFarOut, {"finite"}, ""),
    (OverflowingSigmoid, {"finite"}, NAN_TOLD_ONCE),
    (HoldsALambda, {"hash", "pickle"}, ""),
    (Forgetful, {"spec"}, ""),
]
AT_ONCE = {
    "surrogate_fun": " at x=-7.3: expected 0.0072",
    "dtypes": ": expected gradient in bfloat16, got float32",
    "hash": ": expected no exception",
    "spec": ": expected no exception",
}
TRANSFORMS = {"jit", "vmap", "scan"}
DERIVATIVES = {"reverse mode", "forward mode"}


@pytest.mark.parametrize(("surrogate", "checks", "message"), FAILS)
def test_each_check_finds_what_it_is_for(surrogate, checks, message):
    register_surrogate(surrogate)
    failures = find_failures(surrogate())
    assert {failure.check for failure in failures} == checks
    assert not checks or any(str(failure).startswith(message) for failure in failures)


def test_transforms_that_python_branches_break_are_found():
    register_surrogate(BranchesInPython)
    assert failed(BranchesInPython()) >= TRANSFORMS


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
    failures = {failure.check: failure for failure in find_failures(Doubled())}
    assert failures.keys() >= DERIVATIVES | TRANSFORMS
    failure = failures["reverse mode"]
    # SoftSign with alpha=1 at the outermost point: 1 / (2 (1 + |x|)^2), half of what came.
    assert failure.x == pytest.approx(-7.3)
    assert float(failure.expected) == pytest.approx(0.5 / 8.3**2, rel=1e-5)
    assert float(failure.got) == pytest.approx(1 / 8.3**2, rel=1e-5)


def test_all_failures_are_reported_at_once():
    class Worst(WrongIntegral):
        __hash__ = None

        def surrogate_grad(self, x):
            return super().surrogate_grad(x).astype(jnp.float32)

    with pytest.raises(AssertionError) as caught:
        check_surrogate(Worst())
    message = str(caught.value)
    assert "does not conform" in message
    assert all(f"{check}{said}" in message for check, said in AT_ONCE.items())


def test_what_is_stored_in_fewer_bits_does_not_conform_to_the_tolerance_of_exact_numbers():
    with pytest.raises(AssertionError, match="reverse mode"):
        check_surrogate("QPseudoSpike(residual_dtype='bfloat16')")


def test_a_unit_that_the_surrogate_does_not_take_is_a_failure():
    with pytest.raises(AssertionError, match="UnitMismatchError"):
        check_surrogate("QPseudoSpike", unit=u.mV)


@pytest.mark.thorough
def test_double_precision_is_checked_where_it_is_enabled():
    class Single(SoftSign):
        def surrogate_grad(self, x):
            gradient = super().surrogate_grad(x)
            return gradient if x.dtype != jnp.float64 else gradient.astype(jnp.float32)

    register_surrogate(Single)
    assert "dtypes" not in failed(Single())
    with jax.enable_x64(True):
        assert "dtypes" in failed(Single())


def test_every_check_has_a_surrogate_above_that_fails_it():
    of_rows = (checks for _, checks, _ in FAILS)
    assert set().union(*of_rows, TRANSFORMS, DERIVATIVES, AT_ONCE) == set(CHECKS)
