"""The base class of surrogates with a scale: parameters as fields, copies, equality and repr."""

from __future__ import annotations

import copy
import dataclasses
import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Self

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array

from ..typing import Distance, Hyperparameter, ResidualDtype, Scale
from . import spike
from .arguments import arguments
from .keys import surrogate_key
from .parameters import DAMPENING, SCALE, Declaration, canonical, declarations
from .parameters import residual_dtype as as_dtype_name


@dataclass(frozen=True, eq=False, repr=False)
class SurrogateWithScale(Surrogate):
    """A surrogate whose parameters are the fields of a frozen dataclass.

    A subclass adds fields, each with a `Declaration`, and names the curve in `_parameters`.
    """

    scale: Scale = field(default=None, kw_only=True, metadata={"declaration": SCALE})
    dampening: Hyperparameter = field(
        default=1.0, kw_only=True, metadata={"declaration": DAMPENING}
    )
    residual_dtype: ResidualDtype = field(
        default=None, kw_only=True, metadata={"declaration": Declaration(as_dtype_name)}
    )

    def __post_init__(self) -> None:
        for name, declaration in declarations(self).items():
            object.__setattr__(self, name, canonical(name, getattr(self, name), declaration))

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return _with_states_of_its_own(self, memo)

    @abstractmethod
    def _parameters(self) -> spike.Parameters:
        """The parameters and the curve now, with every State read."""

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

        Raises
        ------
        TypeError
            If the class has no parameter of that name.

        Examples
        --------
        >>> from braintools_qps import QPseudoSpike
        >>> QPseudoSpike(alpha=2.0).replace(dampening=0.5)
        QPseudoSpike(alpha=2.0, dampening=0.5)
        """
        return dataclasses.replace(self, **changes)

    def __call__(self, x: Distance) -> Array:
        """Return 1 where ``x >= 0``, NaN where ``x`` is NaN, and 0 elsewhere, without unit."""
        return spike.spikes(x, self._parameters(), self.residual_dtype)

    def surrogate_grad(self, x: Distance) -> Array | u.Quantity:
        """Evaluate the surrogate gradient, differentiable with respect to every parameter.

        Parameters
        ----------
        x : array_like or Quantity
            Distance from the threshold, of any shape. A voltage needs a surrogate with a ``scale``.

        Returns
        -------
        Array or Quantity
            The gradient, per unit of ``x``. The shape is that of ``x`` broadcast with the
            parameters, the dtype that of ``x``, or JAX's default float if ``x`` is integer.

        Raises
        ------
        brainunit.UnitMismatchError
            If ``x`` and ``scale`` differ in dimension, or ``x`` is a voltage without a ``scale``.

        Examples
        --------
        >>> from braintools_qps import QPseudoSpike
        >>> print(QPseudoSpike(alpha=1.0).surrogate_grad(3.0))
        0.25
        """
        return spike.derivative(x, self._parameters())

    def surrogate_fun(self, x: Distance) -> Array:
        """Evaluate the original function, which is the integral of `surrogate_grad`.

        For a `QPseudoSpike` it is 1/2 at 0, and may go below 0 and above 1: at ``alpha=2`` it runs
        from -1 to 2. In the paper's form (`QPseudoSpike.from_q`) it stays between 0 and 1.

        Parameters
        ----------
        x : array_like or Quantity
            Distance from the threshold, of any shape. A voltage needs a surrogate with a ``scale``.

        Returns
        -------
        Array
            The value, without unit, with the shape and dtype of `surrogate_grad`.

        Raises
        ------
        brainunit.UnitMismatchError
            If ``x`` and ``scale`` differ in dimension, or ``x`` is a voltage without a ``scale``.

        Examples
        --------
        >>> from braintools_qps import QPseudoSpike
        >>> print(QPseudoSpike(alpha=2.0).surrogate_fun(0.0))
        0.5
        """
        return spike.original(x, self._parameters())

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return surrogate_key(self) == surrogate_key(other)

    def __hash__(self) -> int:
        return hash(surrogate_key(self))

    def __repr__(self) -> str:
        shown = [f"{name}={_source(value)}" for name, value in arguments(self).items()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _numbers(self) -> dict[str, Any]:
        """The values that may vary, as they are now: a State is read."""
        values = {n: getattr(self, n) for n, field in declarations(self).items() if field.varies}
        for name, value in values.items():
            if isinstance(value, brainstate.State):
                values[name] = canonical(name, value.value, declarations(self)[name])
        return values


def _with_states_of_its_own(value: Any, memo: dict[int, Any]) -> Any:
    """A copy that shares no State; all else is immutable."""
    if isinstance(value, brainstate.State):  # deepcopy fails for the traceback that it keeps
        return memo.setdefault(id(value), value.copy())
    if not isinstance(value, Surrogate):
        return value
    twin = copy.copy(value)
    vars(twin).update({n: _with_states_of_its_own(v, memo) for n, v in vars(value).items()})
    return twin


def _source(value: object) -> str:
    """Python source that evaluates back to a parameter, or to the numbers of an array."""
    if isinstance(value, float) and math.isinf(value):
        return "float('inf')"
    if isinstance(value, u.Quantity) and not isinstance(value.mantissa, jax.core.Tracer):
        return f'Quantity({_source(np.asarray(value.mantissa).tolist())}, "{value.unit}")'
    ours = {kind.__name__ for kind in SurrogateWithScale.__subclasses__()}
    if isinstance(value, Surrogate) and not isinstance(value, SurrogateWithScale):
        # To tell braintools' QPseudoSpike from ours
        return f"{type(value).__module__}." * (type(value).__name__ in ours) + repr(value)
    return repr(value)
