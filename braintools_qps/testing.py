"""A conformance kit for authors of surrogates: checks everything that a training loop relies on."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from ._registry import get_surrogate, surrogate_spec
from ._surrogate import has_float16
from .typing import Distance, SurrogateSpec

__all__ = ["Failure", "check_surrogate", "find_failures"]

# No round numbers: that is where piecewise surrogates have their kinks.
POINTS = np.concatenate([-np.geomspace(7.3, 3.7e-3, 24), np.geomspace(3.7e-3, 7.3, 24)])
STEP_POINTS = np.array([-1e30, -7.3, -0.37, -1e-30, -0.0, 0.0, 1e-30, 0.37, 7.3, 1e30])
LOBES = 0.1  # of a negative derivative, relative to the peak; a sum of Gaussians has 0.03
WIDE_POINTS = np.concatenate([-np.geomspace(1e30, 1e-30, 61), [0.0], np.geomspace(1e-30, 1e30, 61)])
Difference = tuple[object, object, float | None]  # expected, got, and where
NOT_FINITE = (
    "One membrane potential at that distance makes all weights NaN. Compute with exp(-abs(x)), "
    "which cannot overflow, in place of exp(x)"
)


@dataclass(frozen=True)
class Failure:
    """One failed check of a surrogate.

    Parameters
    ----------
    check : str
        The name of the check.
    expected, got : str
        The value that was expected, and the value that the surrogate gave.
    x : float, optional
        The first distance from the threshold where they differ.

    See Also
    --------
    find_failures : Runs the checks and returns the failures.

    Examples
    --------
    >>> from braintools_qps.testing import find_failures
    >>> *others, last = find_failures("LeakyRelu")  # braintools' own
    >>> print(last)
    dtypes: expected gradient in bfloat16, got float32
    """

    check: str
    expected: str
    got: str
    x: float | None = None

    def __str__(self) -> str:
        where = "" if self.x is None else f" at x={self.x:g}"
        return f"{self.check}{where}: expected {self.expected}, got {self.got}"


def check_surrogate(
    surrogate: SurrogateSpec, *, unit: u.Unit | None = None, rtol: float = 1e-5
) -> None:
    """Check everything that a training loop relies on, and report all failures together.

    - The forward pass is the Heaviside step, 1 at 0, and keeps the dtype of its argument; float16
      is skipped where JAX cannot compile it.
    - ``surrogate_grad`` is finite at 0 and for magnitudes from 1e-30 to 1e30. A sigmoid that is
      written as ``exp(-x) / (1 + exp(-x)) ** 2`` is NaN for a large ``-x`` and makes training NaN.
    - ``surrogate_grad`` is not 0 everywhere, nor negative beyond a tenth of its peak.
    - The derivative of the spike is ``surrogate_grad``, in forward and in reverse mode, and under
      `jax.jit`, `jax.vmap` and `jax.lax.scan`.
    - The derivative of ``surrogate_fun``, if there is one, is ``surrogate_grad``.
    - Pickling and `surrogate_spec` give the same surrogate back, and equal surrogates have equal
      hashes.

    Parameters
    ----------
    surrogate : Surrogate, type, str or mapping
        As for `get_surrogate`. Parameters must be scalars.
    unit : brainunit.Unit, optional
        The unit of ``x``; by default none.
    rtol : float
        Relative tolerance between a derivative and ``surrogate_grad``. Use 0.01 for derivatives
        that are stored in bfloat16.

    Raises
    ------
    AssertionError
        If any check fails. The message lists each with the expected value, the actual value and
        ``x``.
    LookupError, TypeError, ValueError
        If the surrogate cannot be built, as for `get_surrogate`.

    See Also
    --------
    find_failures : The same checks, with the failures as records.

    Examples
    --------
    >>> import brainunit as u
    >>> from braintools_qps.testing import check_surrogate
    >>> check_surrogate("QPseudoSpike(alpha=1.5)")
    >>> check_surrogate("QPseudoSpike(scale='15 mV')", unit=u.mV)
    """
    surrogate = get_surrogate(surrogate)
    failures = find_failures(surrogate, unit=unit, rtol=rtol)
    if failures:
        lines = "\n".join(f"  {failure}" for failure in failures)
        raise AssertionError(f"{surrogate!r} does not conform:\n{lines}")


def find_failures(
    surrogate: SurrogateSpec, *, unit: u.Unit | None = None, rtol: float = 1e-5
) -> list[Failure]:
    """Run the checks of `check_surrogate`, and return those that fail.

    Parameters
    ----------
    surrogate : Surrogate, type, str or mapping
        As for `get_surrogate`. Parameters must be scalars.
    unit : brainunit.Unit, optional
        The unit of ``x``; by default none.
    rtol : float
        Relative tolerance between a derivative and ``surrogate_grad``. Use 0.01 for derivatives
        that are stored in bfloat16.

    Returns
    -------
    list of Failure
        Empty if all checks pass.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the surrogate cannot be built, as for `get_surrogate`.

    Examples
    --------
    >>> from braintools_qps.testing import find_failures
    >>> find_failures("QPseudoSpike")
    []
    """
    subject = _Subject(get_surrogate(surrogate), unit, rtol)
    return [failure for name, check in CHECKS.items() for failure in _run(name, check, subject)]


@dataclass(frozen=True)
class _Subject:
    """A surrogate as functions of plain arrays, measured in a unit."""

    surrogate: Surrogate
    unit: u.Unit | None
    rtol: float

    @property
    def x(self) -> Array:
        return jnp.asarray(POINTS, jnp.float32)

    def spikes(self, x: ArrayLike) -> Array:
        return self.surrogate(self._measured(x))

    def gradient(self, x: ArrayLike) -> Array:
        value = self.surrogate.surrogate_grad(self._measured(x))
        return value if self.unit is None else u.Quantity(value).to_decimal(self.unit.reverse())

    def original(self, x: ArrayLike) -> Array:
        return self.surrogate.surrogate_fun(self._measured(x))

    def derivative(self, x: ArrayLike) -> Array:
        """The derivative of the spikes, in reverse mode, one per element."""
        return jax.grad(lambda x: jnp.sum(self.spikes(x)))(x)

    def _measured(self, x: ArrayLike) -> Distance:
        return x if self.unit is None else u.Quantity(x, unit=self.unit)


def _run(name: str, check: Callable, subject: _Subject) -> Iterator[Failure]:
    """The failures of one check. An exception is a failure."""
    try:
        for expected, got, x in check(subject):
            yield Failure(name, str(expected), str(got), None if x is None else float(x))
    except Exception as error:
        yield Failure(name, "no exception", f"{type(error).__name__}: {error}")


def _differences(
    expected: npt.ArrayLike, got: npt.ArrayLike, x: npt.ArrayLike, rtol: float = 0.0
) -> Iterator[Difference]:
    """The first element where two arrays differ by more than rtol times its value plus the peak.

    Elements that are not finite in ``expected`` are skipped: `_finite` reports them.
    """
    expected, got, x = (np.asarray(value, np.float64) for value in (expected, got, x))
    if got.shape != expected.shape:
        yield f"the shape {expected.shape}", got.shape, None
        return
    finite = np.isfinite(expected)
    largest = np.max(np.abs(expected), initial=0.0, where=finite)
    close = np.isclose(got, expected, rtol=rtol, atol=rtol * largest) | ~finite
    if not np.all(close):
        first = np.flatnonzero(~close)[0]
        yield f"{expected[first]:.7g}", f"{got[first]:.7g}", x[first]


def _heaviside(subject: _Subject) -> Iterator[Difference]:
    x = jnp.asarray(STEP_POINTS, jnp.float32)
    yield from _differences(STEP_POINTS >= 0, subject.spikes(x), x)


def _equals_gradient(subject: _Subject, derivative: ArrayLike) -> Iterator[Difference]:
    yield from _differences(subject.gradient(subject.x), derivative, POINTS, subject.rtol)


def _reverse_mode(subject: _Subject) -> Iterator[Difference]:
    yield from _equals_gradient(subject, subject.derivative(subject.x))


def _forward_mode(
    subject: _Subject, function: Callable[[Array], Array] | None = None
) -> Iterator[Difference]:
    x = subject.x
    _, derivative = jax.jvp(function or subject.spikes, (x,), (jnp.ones_like(x),))
    yield from _equals_gradient(subject, derivative)


def _surrogate_fun(subject: _Subject) -> Iterator[Difference]:
    with suppress(NotImplementedError):  # surrogate_fun is optional in braintools
        yield from _forward_mode(subject, subject.original)


def _transformed(transform: Callable, subject: _Subject) -> Iterator[Difference]:
    yield from _differences(POINTS >= 0, transform(subject.spikes)(subject.x), POINTS)
    yield from _equals_gradient(subject, transform(subject.derivative)(subject.x))


def _scan(subject: _Subject) -> Iterator[Difference]:
    def count(x: Array) -> Array:
        return jax.lax.scan(lambda sum, x: (sum + subject.spikes(x), None), jnp.zeros(()), x)[0]

    spikes, derivative = jax.value_and_grad(count)(subject.x)
    yield from _differences([np.sum(POINTS >= 0)], spikes[None], [np.nan])
    yield from _equals_gradient(subject, derivative)


def _dtypes(subject: _Subject) -> Iterator[Difference]:
    for dtype in _float_dtypes():
        x = jnp.asarray(POINTS, dtype)
        for name in ("spikes", "gradient"):
            got = getattr(subject, name)(x).dtype
            if got != dtype:
                yield f"{name} in {dtype.name}", got.name, None


def _finite(subject: _Subject) -> Iterator[Difference]:
    """Reports one distance: the one nearest to the threshold, in the widest dtype that fails."""
    points = np.concatenate([WIDE_POINTS, POINTS])
    for dtype in reversed(_float_dtypes()):
        x = np.asarray(jnp.asarray(points[np.abs(points) < float(jnp.finfo(dtype).max)], dtype))
        gradient = np.asarray(subject.gradient(jnp.asarray(x)), np.float64)
        if not np.all(np.isfinite(gradient)):
            nearest = min(np.flatnonzero(~np.isfinite(gradient)), key=lambda i: abs(x[i]))
            got = f"surrogate_grad = {gradient[nearest]:g} there. {NOT_FINITE}"
            yield f"a finite gradient in {dtype.name}", got, x[nearest]
            return


def _positive(subject: _Subject) -> Iterator[Difference]:
    """Small negative lobes are part of some surrogates, such as sums of Gaussians."""
    gradient = np.asarray(subject.gradient(subject.x), np.float64)
    if not np.any(subject.gradient(jnp.asarray(WIDE_POINTS, jnp.float32))):
        yield "a gradient above 0 somewhere", "0 everywhere", None
    lowest, peak = np.nanmin(gradient), np.nanmax(np.abs(gradient))
    if lowest < -LOBES * peak:
        at = POINTS[gradient.argmin()]
        yield f"a gradient above -{LOBES:.0%} of its peak", f"{lowest:.7g}", at


def _pickle(subject: _Subject) -> Iterator[Difference]:
    yield from _same(subject.surrogate, pickle.loads(pickle.dumps(subject.surrogate)))


def _hash(subject: _Subject) -> Iterator[Difference]:
    twin = copy.deepcopy(subject.surrogate)
    hashes = hash(subject.surrogate), hash(twin)
    if subject.surrogate == twin and len(set(hashes)) > 1:
        yield "one hash for equal surrogates", f"{hashes[0]} and {hashes[1]}", None


def _spec(subject: _Subject) -> Iterator[Difference]:
    spec = json.loads(json.dumps(surrogate_spec(subject.surrogate), allow_nan=False))
    yield from _same(subject.surrogate, get_surrogate(spec))


def _same(expected: Surrogate, got: Surrogate) -> Iterator[Difference]:
    # By type and parameters, because braintools 0.3 compares surrogates by identity.
    if type(got) is not type(expected) or (got != expected and vars(got) != vars(expected)):
        yield repr(expected), repr(got), None


def _float_dtypes() -> list[np.dtype]:
    default = jnp.result_type(float).name  # float64 where jax_enable_x64 is set
    half = ["float16"] if has_float16() else []
    return [jnp.dtype(name) for name in dict.fromkeys([*half, "bfloat16", "float32", default])]


CHECKS: dict[str, Callable[[_Subject], Iterator[Difference]]] = {
    "heaviside": _heaviside,
    "reverse mode": _reverse_mode,
    "forward mode": _forward_mode,
    "surrogate_fun": _surrogate_fun,
    "jit": partial(_transformed, jax.jit),
    "vmap": partial(_transformed, jax.vmap),
    "scan": _scan,
    "dtypes": _dtypes,
    "finite": _finite,
    "positive": _positive,
    "pickle": _pickle,
    "hash": _hash,
    "spec": _spec,
}
