"""Surrogates by the names that they have in other libraries, such as ``snntorch.fast_sigmoid``.

Each row of `SURROGATES` has the parameters of one with the library's defaults, and what builds a
surrogate with the derivative that the library's code computes: SpikingJelly 2.0, snnTorch 1.0,
Norse 1.1 and spyx 1.0. `OTHERS` says why there is none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import inf, pi
from typing import Any, NamedTuple

from braintools.surrogate import (
    ERF,
    S2NN,
    Arctan,
    LeakyRelu,
    LogTailedRelu,
    PiecewiseLeakyRelu,
    PiecewiseQuadratic,
    ReluGrad,
    Sigmoid,
    SquarewaveFourierSeries,
    Surrogate,
)

from .._surrogate import QPseudoSpike, Scaled, check_range, positive
from .._wording import did_you_mean, listed


class Row(NamedTuple):
    """A surrogate of another library."""

    library: str
    name: str
    defaults: dict[str, float]  # of its parameters
    build: Callable[..., Surrogate]  # takes them in this order

    @property
    def path(self) -> str:
        return f"{self.library}.{self.name}"


def _fast_sigmoid(slope: float, height: float = 1.0) -> Surrogate:
    """Derivative height / (1 + slope |x|)^2."""
    return QPseudoSpike(2.0, scale=2 / (3 * slope), dampening=2 * height / (3 * slope))


def _tanh(slope: float) -> Surrogate:
    """Derivative 1 - tanh(slope x)^2."""
    return Scaled(Sigmoid(2 * slope), dampening=2 / slope)


def _boxcar(width: float, height: float) -> Surrogate:
    """Derivative ``height`` where |x| < width / 2, 0 elsewhere."""
    return Scaled(PiecewiseLeakyRelu(c=0.0, w=width / 2), dampening=width * height)


def _straight_through() -> Surrogate:
    """Derivative 1."""
    return Scaled(LeakyRelu(alpha=1.0, beta=1.0))


def _square_wave(n: int, period: float) -> Surrogate:
    """SpikingJelly sums n - 1 terms, braintools n."""
    if n < 2:
        raise ValueError(f"n must be 2 or more, got {n}. For example n=2")
    return SquarewaveFourierSeries(n - 1, period)


SURROGATES = [
    Row("snntorch", "atan", {"alpha": 2.0}, Arctan),
    Row("snntorch", "fast_sigmoid", {"slope": 25.0}, _fast_sigmoid),
    Row("snntorch", "sigmoid", {"slope": 25.0}, Sigmoid),
    Row("snntorch", "straight_through_estimator", {}, _straight_through),
    Row("snntorch", "triangular", {"threshold": 1.0}, lambda height: LeakyRelu(height, -height)),
    Row("snntorch", "heaviside", {}, lambda: LeakyRelu(alpha=0.0, beta=1.0)),
    Row("snntorch", "LSO", {"slope": 0.1}, lambda slope: LeakyRelu(alpha=slope, beta=1.0)),
    Row("spikingjelly", "ATan", {"alpha": 2.0}, Arctan),
    Row("spikingjelly", "Sigmoid", {"alpha": 4.0}, Sigmoid),
    Row("spikingjelly", "SoftSign", {"alpha": 2.0}, lambda a: _fast_sigmoid(a, height=a / 2)),
    Row("spikingjelly", "SuperSpike", {"alpha": 1.0}, lambda a: _fast_sigmoid(1.0, height=a)),
    Row("spikingjelly", "PiecewiseQuadratic", {"alpha": 1.0}, PiecewiseQuadratic),
    Row("spikingjelly", "PiecewiseExp", {"alpha": 1.0}, lambda a: QPseudoSpike(inf, scale=2 / a)),
    Row("spikingjelly", "NonzeroSignLogAbs", {"alpha": 1.0},
        lambda a: QPseudoSpike(1.0, scale=1 / a)),
    Row("spikingjelly", "Erf", {"alpha": 2.0}, ERF),
    Row("spikingjelly", "PiecewiseLeakyReLU", {"w": 1.0, "c": 0.01},
        lambda w, c: PiecewiseLeakyRelu(c=c, w=w)),
    Row("spikingjelly", "SquarewaveFourierSeries", {"n": 2, "T_period": 8.0}, _square_wave),
    Row("spikingjelly", "S2NN", {"alpha": 4.0, "beta": 1.0}, S2NN),
    Row("spikingjelly", "QPseudoSpike", {"alpha": 2.0}, QPseudoSpike.from_q),
    Row("spikingjelly", "LeakyKReLU", {"leak": 0.0, "k": 1.0}, LeakyRelu),
    Row("spikingjelly", "LogTailedReLU", {"alpha": 0.0}, LogTailedRelu),
    Row("spikingjelly", "Rect", {"alpha": 1.0}, lambda a: _boxcar(1 / a, a)),
    Row("spikingjelly", "DeterministicPass", {}, _straight_through),
    Row("norse", "superspike", {"alpha": 1.0}, _fast_sigmoid),
    Row("norse", "super", {"alpha": 1.0}, _fast_sigmoid),
    Row("norse", "triangle", {"alpha": 0.3}, lambda alpha: ReluGrad(alpha=alpha, width=1.0)),
    Row("norse", "tanh", {"alpha": 100.0}, _tanh),
    Row("norse", "heavi_erfc", {"alpha": 100.0}, lambda a: Scaled(ERF(a), dampening=2 / a)),
    Row("spyx", "superspike", {"k": 25.0}, _fast_sigmoid),
    Row("spyx", "arctan", {"k": 2.0}, lambda k: Scaled(Arctan(2 * k), dampening=1 / (pi * k))),
    Row("spyx", "tanh", {"k": 1.0}, _tanh),
    Row("spyx", "boxcar", {"width": 2.0, "height": 0.5}, _boxcar),
    Row("spyx", "triangular", {"k": 2.0},
        lambda k: Scaled(PiecewiseQuadratic(k), dampening=1 / k)),
]  # fmt: skip
_RANDOM, _FUNCTION = "its derivative is random", "write a subclass of Surrogate"
OTHERS = {
    "snntorch.SSO": _RANDOM,
    "snntorch.SFS": "its derivative is 0 up to B",
    "snntorch.spike_rate_escape": "its peak is above the threshold",
    "snntorch.custom_surrogate": _FUNCTION,
    "spikingjelly.FakeNumericalGradient": "its derivative is 1 / |x|",
    "spikingjelly.MultiLevelSpikeCount": "it counts several spikes",
    "spikingjelly.PoissonPass": "its spikes are random",
    "norse.circ": "none has its derivative",
    "norse.circ_dist": _RANDOM,
    "norse.logistic": _RANDOM,
    "norse.heaviside": "it has no derivative",
    "spyx.custom": _FUNCTION,
}

# Names for one and the same derivative.
SYNONYMS = (
    ("straight_through", "ste", "straight_through_estimator", "DeterministicPass"),
    ("triangular", "triangle"),
    ("boxcar", "rect"),
)


def conversion(path: str) -> Callable[..., Surrogate] | None:
    """The function for ``"library.name"``; None if it begins with no library of the table, or
    only others have the name.

    Modules between the two are skipped: ``"spikingjelly.activation_based.surrogate.ATan"``.

    Raises
    ------
    LookupError
        If the library has no surrogate of the name, or it cannot be expressed here.
    """
    library, dot, name = path.partition(".")
    name = name.rpartition(".")[2]
    asked = loose(f"{library}.{name}")
    rows = [row for row in SURROGATES if row.library == library.lower()]
    if not dot or not rows:
        return None
    for row in rows:
        if loose(row.path) == asked:
            return _checked(row)
    for other, reason in OTHERS.items():
        if loose(other) == asked:
            raise LookupError(f"{path!r} cannot be expressed here: {reason}")
    if names_of(name):
        return None
    names = [row.name for row in rows]
    raise LookupError(
        f"there is no conversion of {path!r}, only of {listed(names)}"
        + did_you_mean(name, names, loose)
    )


def _checked(row: Row) -> Callable[..., Surrogate]:
    """The function, for parameters that make a curve of finite height and width."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken = [inspect.Parameter(n, kind, default=value) for n, value in row.defaults.items()]
    signature = inspect.Signature(taken)

    def build(*args: Any, **kwargs: Any) -> Surrogate:
        values = row.defaults | signature.bind(*args, **kwargs).arguments
        for name, value in values.items():
            # As derivatives beyond a kink may be, the one called c included
            may_be_0 = name == "c" or row.defaults[name] == 0
            if row.build != QPseudoSpike.from_q and not (may_be_0 and value == 0):
                check_range(name, positive(name, value), "Measure x in another unit")
        return row.build(*values.values())

    build.__signature__ = signature  # type: ignore[attr-defined]
    return build


def names_of(bare: str) -> list[str]:
    """The conversions that a name without a library may mean: ``["snntorch.fast_sigmoid"]``."""
    alike = next((names for names in SYNONYMS if loose(bare) in map(loose, names)), (bare,))
    meant = set(map(loose, alike))
    return [row.path for row in SURROGATES if loose(row.name) in meant]


def loose(name: str) -> str:
    """A name without case and underscores, which do not count."""
    return name.replace("_", "").casefold()
