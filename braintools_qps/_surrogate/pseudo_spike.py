"""The q-PseudoSpike surrogate: a spike function, and the class that carries its parameters."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from ..typing import Hyperparameter, ResidualDtype, Scale
from . import spike
from .parameters import canonical, current, key, source, surrogate_key

__all__ = ["QPseudoSpike", "q_pseudo_spike"]


def q_pseudo_spike(
    x: ArrayLike | u.Quantity,
    alpha: Hyperparameter = 2.0,
    *,
    scale: Scale = None,
    dampening: Hyperparameter = 1.0,
    residual_dtype: ResidualDtype = None,
) -> Array:
    r"""Spike where ``x >= 0``, with the q-PseudoSpike surrogate as its derivative.

    .. math::

        g(x) = \begin{cases} 1 & x \ge 0 \\ 0 & x < 0 \end{cases}
        \qquad
        g'(x) = \frac{d}{s} \left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{-\alpha}

    with :math:`s` = ``scale`` and :math:`d` = ``dampening``. At 0 it spikes. NaN gives NaN, in both
    passes; at :math:`\pm\infty` the derivative is 0.

    Under automatic differentiation only the first derivative with respect to ``x`` is not 0: a step
    does not depend on the parameters of its surrogate, so those with respect to ``alpha``,
    ``scale`` and ``dampening`` are 0. Second derivatives see them all, so that unrolled training
    can be differentiated with respect to ``alpha``.

    Parameters
    ----------
    x : array_like or Quantity
        Distance of the membrane potential from its threshold, of any shape. Integers and booleans
        are taken as floats. A Quantity in mV spikes without a ``scale``, but has no derivative.
    alpha : float, array or brainstate.State
        Tail fatness, the paper's q: any number above 0, ``inf`` included, without unit. An array
        broadcasts against ``x``, for one tail per neuron. A State is read at each call. Plain
        `jax.jit` reads it only while it compiles: use `brainstate.transform.jit`.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1, with the dimension of ``x``, above 0; an array
        broadcasts against ``x``. ``u.mV`` means 1 mV. By default 1 where ``x`` has no unit.
    dampening : float, array or brainstate.State
        Factor of the derivative, above 0, without unit.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        What reverse mode stores the derivative in, for every neuron and time step. ``None`` keeps
        the dtype of ``x``. It saves memory under `jax.jit`; outside, JAX keeps both.

    Returns
    -------
    Array
        Zeros and ones without unit, in the shape of ``x`` broadcast with the parameters and in the
        dtype of ``x``, a float for integers.

    Raises
    ------
    TypeError
        If ``x`` is complex or not numeric, or a parameter is not a real number.
    ValueError
        If a parameter is not above 0, ``scale`` or ``dampening`` not within 1e-15 and 1e15, or a
        parameter does not broadcast against ``x``.
    brainunit.UnitMismatchError
        If ``x`` and ``scale`` differ in dimension; if ``alpha`` or ``dampening`` has one; if a
        derivative with respect to a Quantity with a dimension is asked for without a ``scale``.

    See Also
    --------
    QPseudoSpike : The same function with its parameters bound, for neuron models.
    braintools_qps.typing.Hyperparameter : The type of ``alpha`` and ``dampening``.
    braintools_qps.typing.Scale : The type of ``scale``.

    Notes
    -----
    Values and derivatives hold for ``|x / scale|`` up to 1e15, and for ``scale`` and ``dampening``
    from 1e-15 to 1e15; a number outside is a ValueError, and a traced parameter that is not above 0
    gives NaN. The sharp bits of the documentation have a table of what is promised.

    ``alpha + 1`` stands where the paper and SpikingJelly have q - 1. That keeps the derivative
    finite for every ``alpha`` above 0; `QPseudoSpike.from_q` gives the paper's form.

    References
    ----------
    .. [1] L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training",
       arXiv:2202.00282 (2022).

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from braintools_qps import q_pseudo_spike
    >>> print(q_pseudo_spike(jnp.array([-1.0, 0.0, 1.0])))
    [0. 1. 1.]
    >>> print(jax.grad(q_pseudo_spike)(0.5))
    0.5625
    """
    return QPseudoSpike(alpha, scale=scale, dampening=dampening, residual_dtype=residual_dtype)(x)


@dataclass(frozen=True, eq=False, repr=False)
class SurrogateWithScale(Surrogate):
    """A surrogate whose parameters are the fields of a frozen dataclass.

    A subclass adds fields and says what shapes its derivative.
    """

    scale: Scale = field(default=None, kw_only=True)
    dampening: Hyperparameter = field(default=1.0, kw_only=True)
    residual_dtype: ResidualDtype = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, value in self._parameters().items():
            object.__setattr__(self, name, canonical(name, value))

    def __copy__(self) -> Self:
        return self  # immutable

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        for name, value in vars(self).items():
            if isinstance(value, brainstate.State):
                raise TypeError(
                    f"a surrogate whose {name} is a brainstate.State cannot be pickled, because "
                    f"the State cannot. Pickle surrogate.replace({name}=state.value)"
                )
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # a NumPy array comes back writable

    @abstractmethod
    def _curve(self) -> spike.Curve:
        """The parameters of the curve now, with every State read."""

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
        return spike.spikes(x, self._curve(), self.residual_dtype)

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
        return spike.derivative(x, self._curve())

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
        return spike.original(x, self._curve())

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
        """The parameters by name, those of the subclass first, as in its signature."""
        kind: Any = type(self)  # mypy takes the hash of its objects for that of a class
        return {name: getattr(self, name) for name in _names(kind)}


@dataclass(frozen=True, eq=False, repr=False)
class QPseudoSpike(SurrogateWithScale):
    r"""The q-PseudoSpike surrogate, to be given to a neuron model as its spike function.

    .. math::

        g'(x) &= \frac{d}{s} \left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{-\alpha} \\
        g_\mathrm{origin}(x) &= \frac{1}{2} + d\, \mathrm{sign}(x)\,
        \frac{\alpha + 1}{2 (1 - \alpha)}
        \left[\left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{1 - \alpha} - 1\right]

    with :math:`s` = ``scale`` and :math:`d` = ``dampening``. The smaller ``alpha``, the fatter the
    tail: near 0 the gradient is 1 everywhere (straight-through), at 1 it is :math:`1/(1+|x|)`, at 2
    the fast sigmoid of SuperSpike, at ``inf`` :math:`e^{-2|x|}`. What is promised holds for
    :math:`|x/s|` up to 1e15 and for ``scale`` and ``dampening`` from 1e-15 to 1e15, which are
    checked where they are numbers.

    To train a network, pass what `normalize_surrogate` gives, or ``dampening=0.25`` at an alpha of
    2: as it comes, the surrogate lets so much gradient through that trainings ended lower, the more
    so the fatter the tail.

    An object is immutable. Equality, hash and repr come from the parameters, so that equal
    surrogates as static arguments of `jax.jit` compile once. JAX's arrays are compared by identity;
    NumPy's are copied and compared by their numbers. A copy is the object itself; one that holds a
    State cannot be pickled.

    Parameters
    ----------
    alpha : float, array or brainstate.State
        Tail fatness, above 0, ``inf`` included. Each parameter is as for `q_pseudo_spike`.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1.
    dampening : float, array or brainstate.State
        Factor of the derivative.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        What reverse mode stores the derivative in.

    Raises
    ------
    TypeError, ValueError, brainunit.UnitMismatchError
        If a parameter is not what `q_pseudo_spike` takes.

    See Also
    --------
    q_pseudo_spike : The functional form.
    braintools.surrogate.Sigmoid : The derivative of a logistic function.
    braintools.surrogate.S2NN : An asymmetric surrogate.

    References
    ----------
    .. [1] L. Herranz-Celotti and J. Rouat, "Stabilizing Spiking Neuron Training",
       arXiv:2202.00282 (2022).

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike
    >>> surrogate = QPseudoSpike(alpha=2.0, scale=10 * u.mV)
    >>> distance = jnp.array([-15.0, 0.0, 15.0]) * u.mV
    >>> print(surrogate(distance))
    [0. 1. 1.]
    >>> surrogate.surrogate_grad(distance) * u.mV
    Array([0.025, 0.1  , 0.025], dtype=float32)
    """

    __module__ = "braintools_qps"

    alpha: Hyperparameter = 2.0

    @classmethod
    def from_q(
        cls, q: float, sharpness: float = 1.0, dampening: float = 1.0, scale: Scale = None
    ) -> QPseudoSpike:
        r"""The paper's own form, whose original function runs from 0 to 1.

        .. math:: g'(x) = \frac{d}{s} \left(1 + \frac{2 k |x/s|}{q - 1}\right)^{-q}

        with :math:`s` = ``scale``, :math:`d` = ``dampening`` and :math:`k` = ``sharpness``.
        Its peak and area are 1 for ``dampening`` and ``sharpness`` of 1. SpikingJelly uses
        this form.

        Parameters
        ----------
        q : float or array
            Tail fatness, above 1, without unit.
        sharpness, dampening : float or array
            Factors of the distance and of the derivative, above 0, without unit.
        scale : float, array, Quantity or Unit, optional
            The value of ``x`` that counts as 1.

        Returns
        -------
        QPseudoSpike
            With ``alpha = q``, and the width and height of the paper's form.

        Raises
        ------
        ValueError
            If a concrete ``q`` is not above 1.

        Examples
        --------
        >>> QPseudoSpike.from_q(3.0)
        QPseudoSpike(alpha=3.0, scale=0.5, dampening=0.5)
        """
        q = canonical("q", q)
        if not isinstance(q, jax.core.Tracer) and not np.all(np.asarray(q) > 1):
            raise ValueError(f"q must be greater than 1, got {q}. Use QPseudoSpike(alpha={q})")
        # (q - 1) / (q + 1), in a form that holds for q = inf.
        ratio = (1 - 2 / (q + 1)) / canonical("sharpness", sharpness)
        scale = canonical("scale", scale)
        return cls(
            q,
            scale=ratio if scale is None else ratio * scale,
            dampening=ratio * canonical("dampening", dampening),
        )

    def _curve(self) -> spike.Curve:
        return spike.Curve(*(current(name, getattr(self, name)) for name in spike.PARAMETERS))


def _shown(value: Any) -> str:
    """Source of a parameter; a surrogate that shares its name with one of ours says whose it is."""
    ours = {kind.__name__ for kind in SurrogateWithScale.__subclasses__()}
    foreign = isinstance(value, Surrogate) and not isinstance(value, SurrogateWithScale)
    if foreign and type(value).__name__ in ours:
        return f"{type(value).__module__}.{value!r}"
    return source(value)


@cache
def _names(surrogate: type[SurrogateWithScale]) -> tuple[str, ...]:
    fields = sorted(dataclasses.fields(surrogate), key=lambda field: bool(field.kw_only))
    return tuple(field.name for field in fields)
