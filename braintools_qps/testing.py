"""A conformance test for authors of surrogates: all that a training loop relies on."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from ._registry import get_surrogate, surrogate_spec
from ._surrogate import has_float16, missing_scale, value_key
from .typing import Distance, SurrogateSpec

__all__ = ["check_surrogate"]

Function = Callable[[ArrayLike], Array]

# No round numbers: that is where piecewise surrogates have their kinks.
X = np.outer([-1, 1], np.geomspace(7.3, 3.7e-3, 24)).ravel().astype(np.float32)
STEPS = np.outer([-1, 1], [1e30, 7.3, 0.37, 1e-30, 0.0]).ravel().astype(np.float32)
FAR = np.outer([-1, 1], np.geomspace(1e-30, 1e30, 61)).ravel()
WIDE = sorted([0.0, *X, *FAR], key=abs)
LOBES = 0.1  # of a negative derivative, relative to the peak; a sum of Gaussians has 0.03


def check_surrogate(
    surrogate: SurrogateSpec, *, unit: u.Unit | None = None, rtol: float = 1e-5
) -> None:
    """Check a surrogate for everything that training relies on, and report all failures.

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
        The surrogate, as for `get_surrogate`. Its parameters must be scalars.
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

    Examples
    --------
    >>> import brainunit as u
    >>> from braintools_qps.testing import check_surrogate
    >>> check_surrogate("QPseudoSpike(alpha=1.5)")
    >>> check_surrogate("QPseudoSpike(scale='15 mV')", unit=u.mV)
    """
    subject = _Subject(get_surrogate(surrogate), u.UNITLESS if unit is None else unit)
    if lacks := _lacks(subject):
        raise AssertionError(f"{subject.surrogate!r} does not conform: {lacks}")
    failures: dict[str, list[str]] = {}
    for name, measure in PROPERTIES.items():
        try:
            difference = _difference(rtol, *measure(subject))
        except Exception as error:
            difference = f": expected no exception, got {type(error).__name__}: {error}"
        if difference:
            failures.setdefault(difference, []).append(name)
    if failures:
        lines = [f"\n  {', '.join(names)}{said}" for said, names in failures.items()]
        raise AssertionError(f"{subject.surrogate!r} does not conform:{''.join(lines)}")


class _Subject(NamedTuple):
    """A surrogate as functions of plain arrays, measured in a unit."""

    surrogate: Surrogate
    unit: u.Unit

    def spikes(self, x: ArrayLike) -> Array:
        return self.surrogate(self._measured(x))

    def gradient(self, x: ArrayLike) -> Array:
        gradient = self.surrogate.surrogate_grad(self._measured(x))
        return u.Quantity(gradient).to_decimal(self.unit.reverse())

    def original(self, x: ArrayLike) -> Array:
        return self.surrogate.surrogate_fun(self._measured(x))

    def _measured(self, x: ArrayLike) -> Distance:
        return u.maybe_decimal(u.Quantity(jnp.asarray(x), unit=self.unit))


def _lacks(subject: _Subject) -> str:
    """What keeps the properties from being checked."""
    if type(subject.surrogate).surrogate_grad is Surrogate.surrogate_grad:
        return "surrogate_grad is missing. Define surrogate_grad(self, x)"
    try:
        subject.gradient(X)
    except Exception:
        needed = u.get_unit(getattr(subject.surrogate, "scale", None))
        if not (needed.is_unitless or needed.has_same_dim(subject.unit)):
            return f"its scale is in {needed}. Pass unit=u.{needed}"
        if not (subject.unit.is_unitless or hasattr(subject.surrogate, "scale")):
            return str(missing_scale(subject.unit, subject.surrogate))
    return ""


def _difference(rtol: float, expected: Any, got: Any, x: np.ndarray | None = None) -> str:
    """What differs; of arrays, the first place where more than rtol of value plus peak does."""
    if x is None:
        same = expected == got or value_key(expected) == value_key(got)
        return "" if same else f": expected {expected}, got {got}"
    expected, got = np.asarray(expected, np.float64), np.asarray(got, np.float64)
    if got.shape != expected.shape:
        return f": expected the shape {expected.shape}, got {got.shape}"
    finite = np.isfinite(expected)  # another property
    peak = np.max(np.abs(expected), initial=0.0, where=finite)
    wrong = ~np.isclose(got, expected, rtol, rtol * peak) & finite
    at = np.argmax(wrong)
    differs = f" at x={x[at]:g}: expected {expected[at]:.7g}, got {got[at]:.7g}"
    return differs if wrong[at] else ""


def _forward_mode(function: Function) -> Array:
    return jax.jvp(function, (X,), (np.ones_like(X),))[1]


def _reverse_mode(function: Function) -> Function:
    return jax.grad(lambda x: jnp.sum(function(x)))


def _by_integral(subject: _Subject) -> Array:
    try:
        return _forward_mode(subject.original)
    except NotImplementedError:  # surrogate_fun is optional in braintools
        return subject.gradient(X)


def _dtypes() -> list[str]:
    default = jnp.result_type(float).name  # float64 where jax_enable_x64 is set
    half = ["float16"] if has_float16() else []
    return [*dict.fromkeys([*half, "bfloat16", "float32", default])]


def _kept(function: Function) -> tuple[str, str]:
    got = [function(jnp.asarray(X, dtype)).dtype.name for dtype in _dtypes()]
    return ", ".join(_dtypes()), ", ".join(got)


def _finite(gradient: Function) -> tuple[Any, ...]:
    """0 times the gradient, by distance from the threshold, in the widest dtype first."""
    inside = [(d, [x for x in WIDE if abs(x) < float(jnp.finfo(d).max)]) for d in _dtypes()[::-1]]
    x = [jnp.asarray(x, dtype) for dtype, x in inside]
    zeros = np.concatenate([0 * np.asarray(gradient(part), np.float64) for part in x])
    return np.zeros_like(zeros), zeros, np.concatenate([np.asarray(part, np.float64) for part in x])


def _above_zero(gradient: Array) -> tuple[Any, ...]:
    """Small negative lobes are part of some surrogates, such as sums of Gaussians."""
    return np.maximum(gradient, -LOBES * np.nanmax(np.abs(gradient))), gradient, X


def _hashes(surrogate: Surrogate, twin: Surrogate) -> tuple[int, int]:
    return hash(surrogate), hash(twin if twin == surrogate else surrogate)


def _through_json(surrogate: Surrogate) -> Surrogate:
    return get_surrogate(json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False)))


PROPERTIES: dict[str, Callable[[_Subject], tuple[Any, ...]]] = {
    "heaviside": lambda s: (STEPS >= 0, s.spikes(STEPS), STEPS),
    "reverse mode": lambda s: (s.gradient(X), _reverse_mode(s.spikes)(X), X),
    "forward mode": lambda s: (s.gradient(X), _forward_mode(s.spikes), X),
    "surrogate_fun": lambda s: (s.gradient(X), _by_integral(s), X),
    "jit": lambda s: (s.gradient(X), jax.jit(_reverse_mode(s.spikes))(X), X),
    "vmap": lambda s: (s.gradient(X), jax.vmap(_reverse_mode(s.spikes))(X), X),
    "scan": lambda s: (s.gradient(X), _reverse_mode(lambda x: jax.lax.map(s.spikes, x))(X), X),
    "dtype of spikes": lambda s: _kept(s.spikes),
    "dtype of gradient": lambda s: _kept(s.gradient),
    "finite (exp(x) overflows; exp(-abs(x)) does not)": lambda s: _finite(s.gradient),
    f"negative by at most {LOBES:.0%} of its peak": lambda s: _above_zero(s.gradient(X)),
    "not 0 everywhere": lambda s: (True, bool(np.any(s.gradient(np.array(WIDE, np.float32))))),
    "pickle": lambda s: (s.surrogate, pickle.loads(pickle.dumps(s.surrogate))),
    "hash": lambda s: _hashes(s.surrogate, copy.deepcopy(s.surrogate)),
    "spec": lambda s: (s.surrogate, _through_json(s.surrogate)),
}
