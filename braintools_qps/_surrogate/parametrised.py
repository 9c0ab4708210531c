"""What the surrogates of this package have in common: parameters that stay as they are."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import brainunit as u
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from ..typing import Hyperparameter, ResidualDtype, Scale
from . import spike
from .parameters import canonical, current, key, source, surrogate_key
from .prepared import Shape


@dataclass(frozen=True, eq=False, repr=False)
class ParametrisedSurrogate(Surrogate):
    """A surrogate whose parameters are the fields of a frozen dataclass.

    A subclass adds fields of its own and says what shapes its derivative.
    """

    scale: Scale = field(default=None, kw_only=True)
    dampening: Hyperparameter = field(default=1.0, kw_only=True)
    residual_dtype: ResidualDtype = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, value in self._parameters().items():
            object.__setattr__(self, name, canonical(name, value))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # a NumPy array comes back writable

    @abstractmethod
    def _shape(self) -> Shape:
        """What shapes the derivative now, with every State read."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some parameters changed.

        Parameters
        ----------
        **changes
            Parameters of the class by name, checked as at construction.

        Returns
        -------
        Surrogate
            The copy; the original stays as it is.

        Examples
        --------
        >>> from braintools_qps import QPseudoSpike
        >>> QPseudoSpike(alpha=2.0).replace(dampening=0.5)
        QPseudoSpike(alpha=2.0, dampening=0.5)
        """
        return dataclasses.replace(self, **changes)

    def __call__(self, x: ArrayLike | u.Quantity) -> Array:
        """Return 1 where ``x >= 0`` and 0 elsewhere, in the dtype of ``x`` and without unit."""
        return spike.spikes(x, self._shape(), current("residual_dtype", self.residual_dtype))

    def surrogate_grad(self, x: ArrayLike | u.Quantity) -> Array | u.Quantity:
        """The derivative that stands in for the spike's: smooth in every parameter.

        Parameters
        ----------
        x : array_like or Quantity
            Distance from the threshold, of any shape; with a dimension only beside a ``scale``.

        Returns
        -------
        Array or Quantity
            Per unit of ``x``, in the shape of ``x`` broadcast with the parameters and in the dtype
            of ``x``, a float for integers.

        Raises
        ------
        brainunit.UnitMismatchError
            If ``x`` has a dimension and the surrogate no scale of it.
        """
        return spike.derivative(x, self._shape())

    def surrogate_fun(self, x: ArrayLike | u.Quantity) -> Array:
        """The original function, whose derivative is `surrogate_grad`, at 0 too.

        Parameters
        ----------
        x : array_like or Quantity
            Distance from the threshold, of any shape; with a dimension only beside a ``scale``.

        Returns
        -------
        Array
            Without unit, in the shape and dtype of `surrogate_grad`. For a `QPseudoSpike` it is 1/2
            at 0; it stays within 0 and 1 for the paper's form (`QPseudoSpike.from_q`), not in
            general: at ``alpha=2`` it runs from -1 to 2.

        Raises
        ------
        brainunit.UnitMismatchError
            If ``x`` has a dimension and the surrogate no scale of it.
        """
        return spike.original(x, self._shape())

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return surrogate_key(self) == surrogate_key(other)

    def __hash__(self) -> int:
        return hash(surrogate_key(self))

    def __repr__(self) -> str:
        defaults = {f.name: f.default for f in dataclasses.fields(self) if f.kw_only}
        shown = [
            f"{name}={_shown(value)}"
            for name, value in self._parameters().items()
            if name not in defaults or key(value) != key(defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _parameters(self) -> dict[str, Any]:
        """Those of its own first, as in its signature."""
        kind: Any = type(self)  # mypy takes the hash of its objects for that of a class
        return {name: getattr(self, name) for name in _names(kind)}

    def _scale_and_dampening(self) -> tuple[Any, Any]:
        return current("scale", self.scale), current("dampening", self.dampening)


def _shown(value: Any) -> str:
    """Source of a parameter; a surrogate that shares its name with one of ours says whose it is."""
    ours = {kind.__name__ for kind in ParametrisedSurrogate.__subclasses__()}
    foreign = isinstance(value, Surrogate) and not isinstance(value, ParametrisedSurrogate)
    if foreign and type(value).__name__ in ours:
        return f"{type(value).__module__}.{value!r}"
    return source(value)


@cache
def _names(surrogate: type[ParametrisedSurrogate]) -> tuple[str, ...]:
    fields = sorted(dataclasses.fields(surrogate), key=lambda field: bool(field.kw_only))
    return tuple(field.name for field in fields)
