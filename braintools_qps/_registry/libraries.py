"""Surrogates by the names that they have in other libraries, such as ``snntorch.fast_sigmoid``.

Each is a function of the other library's parameters, with its defaults, that builds a surrogate
with the derivative that the library's code computes: SpikingJelly 2.0, snnTorch 1.0, Norse 1.1 and
spyx 1.0. A text in place of a function says why there is none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from math import inf, pi
from typing import Any

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

Conversion = Callable[..., Surrogate]


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
        raise ValueError(f"n must be 2 or more, got {n}: the sum has n - 1 terms. For example n=2")
    return SquarewaveFourierSeries(n - 1, period)


def _paper_form(alpha: float = 2.0) -> Surrogate:
    """Any tail above 1, infinity included."""
    return QPseudoSpike.from_q(alpha)


_RANDOM = "its derivative is random"
_FUNCTION = "write a subclass of Surrogate"

# Libraries in lower case; their names of surrogates, and what each is here or why it is not.
LIBRARIES: dict[str, dict[str, Conversion | str]] = {
    "snntorch": {
        "atan": lambda alpha=2.0: Arctan(alpha),
        "fast_sigmoid": lambda slope=25.0: _fast_sigmoid(slope),
        "sigmoid": lambda slope=25.0: Sigmoid(slope),
        "straight_through_estimator": _straight_through,
        "triangular": lambda threshold=1.0: LeakyRelu(alpha=threshold, beta=-threshold),
        "heaviside": lambda: LeakyRelu(alpha=0.0, beta=1.0),
        "LSO": lambda slope=0.1: LeakyRelu(alpha=slope, beta=1.0),
        "SSO": _RANDOM,
        "SFS": "its derivative is 0 up to B above the threshold",
        "spike_rate_escape": "its peak is above the threshold",
        "custom_surrogate": _FUNCTION,
    },
    "spikingjelly": {
        "ATan": lambda alpha=2.0: Arctan(alpha),
        "Sigmoid": lambda alpha=4.0: Sigmoid(alpha),
        "SoftSign": lambda alpha=2.0: _fast_sigmoid(alpha, height=alpha / 2),
        "SuperSpike": lambda alpha=1.0: _fast_sigmoid(1.0, height=alpha),
        "PiecewiseQuadratic": lambda alpha=1.0: PiecewiseQuadratic(alpha),
        "PiecewiseExp": lambda alpha=1.0: QPseudoSpike(inf, scale=2 / alpha),
        "NonzeroSignLogAbs": lambda alpha=1.0: QPseudoSpike(1.0, scale=1 / alpha),
        "Erf": lambda alpha=2.0: ERF(alpha),
        "PiecewiseLeakyReLU": lambda w=1.0, c=0.01: PiecewiseLeakyRelu(c=c, w=w),
        "SquarewaveFourierSeries": lambda n=2, T_period=8.0: _square_wave(n, T_period),
        "S2NN": lambda alpha=4.0, beta=1.0: S2NN(alpha, beta),
        "QPseudoSpike": _paper_form,
        "LeakyKReLU": lambda leak=0.0, k=1.0: LeakyRelu(alpha=leak, beta=k),
        "LogTailedReLU": lambda alpha=0.0: LogTailedRelu(alpha),
        "Rect": lambda alpha=1.0: _boxcar(1 / alpha, alpha),
        "DeterministicPass": _straight_through,
        "FakeNumericalGradient": "its derivative is 1 / |x|",
        "MultiLevelSpikeCount": "it counts several spikes",
        "PoissonPass": "its spikes are random",
    },
    "norse": {
        "superspike": lambda alpha=1.0: _fast_sigmoid(alpha),
        "super": lambda alpha=1.0: _fast_sigmoid(alpha),
        "triangle": lambda alpha=0.3: ReluGrad(alpha=alpha, width=1.0),
        "tanh": lambda alpha=100.0: _tanh(alpha),
        "heavi_erfc": lambda alpha=100.0: Scaled(ERF(alpha), dampening=2 / alpha),
        "circ": "none has the derivative (1 + (x / alpha)^2)^(-3/2)",
        "circ_dist": _RANDOM,
        "logistic": _RANDOM,
        "heaviside": "it has no derivative",
    },
    "spyx": {
        "superspike": lambda k=25.0: _fast_sigmoid(k),
        "arctan": lambda k=2.0: Scaled(Arctan(2 * k), dampening=1 / (pi * k)),
        "tanh": lambda k=1.0: _tanh(k),
        "boxcar": lambda width=2.0, height=0.5: _boxcar(width, height),
        "triangular": lambda k=2.0: Scaled(PiecewiseQuadratic(k), dampening=1 / k),
        "custom": _FUNCTION,
    },
}


# Names for one and the same derivative.
SYNONYMS = (
    ("straight_through", "ste", "straight_through_estimator", "DeterministicPass"),
    ("triangular", "triangle"),
    ("boxcar", "rect"),
)


def conversion(name: str) -> Conversion | None:
    """The function for ``"library.name"``; None if it begins with no library of the table, or
    only others have the name.

    Modules between the two are skipped: ``"spikingjelly.activation_based.surrogate.ATan"``.

    Raises
    ------
    LookupError
        If the library has no surrogate of the name, or it cannot be expressed here.
    """
    library, dot, path = name.partition(".")
    if not dot or library.lower() not in LIBRARIES:
        return None
    table = LIBRARIES[library.lower()]
    asked = loose(path.rpartition(".")[2])
    entry = next((entry for known, entry in table.items() if loose(known) == asked), None)
    if entry is None:
        if names_of(asked):
            return None
        names = [known for known, entry in table.items() if callable(entry)]
        raise LookupError(
            f"there is no conversion of {name!r}, only of {listed(names)}"
            + did_you_mean(asked, names, loose)
        )
    if isinstance(entry, str):
        raise LookupError(f"{name!r} cannot be expressed here: {entry}")
    return entry if entry is _paper_form else _checked(entry)


def _checked(function: Conversion) -> Conversion:
    """The function, for parameters that make a curve of finite height and width."""
    signature = inspect.signature(function)

    @wraps(function)
    def build(*args: Any, **kwargs: Any) -> Surrogate:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            # As derivatives beyond a kink may be, the one called c included
            may_be_0 = name == "c" or signature.parameters[name].default == 0
            if not (may_be_0 and value == 0):
                check_range(name, positive(name, value), "Measure x in another unit")
        return function(*args, **kwargs)

    return build


def names_of(bare: str) -> list[str]:
    """The conversions that a name without a library may mean: ``["snntorch.fast_sigmoid"]``."""
    alike = next((names for names in SYNONYMS if loose(bare) in map(loose, names)), (bare,))
    meant = set(map(loose, alike))
    return [
        f"{library}.{known}"
        for library, table in LIBRARIES.items()
        for known, entry in table.items()
        if loose(known) in meant and callable(entry)
    ]


def loose(name: str) -> str:
    """A name without case and underscores, which do not count."""
    return name.replace("_", "").casefold()
