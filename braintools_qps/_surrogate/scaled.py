"""Scale, dampening, units and 8 or 16 bits in the backward pass, for any surrogate."""

from __future__ import annotations

from dataclasses import dataclass, field

from braintools.surrogate import Surrogate

from .foreign import ForeignCurve
from .parameters import Declaration, declarations, inner_surrogate, product
from .spike import Parameters
from .surrogate_with_scale import SurrogateWithScale

__all__ = ["Scaled"]


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(SurrogateWithScale):
    r"""Give any surrogate a scale with a unit, a dampening, and storage in 8 or 16 bits.

    .. math::

        g'(x) &= \frac{d}{s}\, h'(x/s) \\
        g_\mathrm{origin}(x) &= \frac{1}{2} + d \left(h_\mathrm{origin}(x/s) - \frac{1}{2}\right)

    with :math:`s` = ``scale``, :math:`d` = ``dampening`` and :math:`h'` and
    :math:`h_\mathrm{origin}` the gradient of the inner surrogate and its integral. NaN gives NaN in
    the forward and the backward pass. The derivative at :math:`\pm\infty` is 0. First derivatives
    with respect to parameters are 0, but second derivatives are not; this holds with every version
    of braintools.

    Scales multiply, and so do dampenings: ``Scaled(QPseudoSpike(scale=10 * u.mV), scale=2)`` has a
    scale of 20 mV.

    Surrogates are immutable and hashable. Two are equal if all their parameters are, those of the
    inner surrogate included.

    Parameters
    ----------
    surrogate : braintools.surrogate.Surrogate
        The surrogate to scale. It is copied, and only ``surrogate_grad`` and ``surrogate_fun`` are
        called, on numbers without unit. Array parameters broadcast against ``x``.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1: from 1e-7 to 1e7, in the dimension of ``x``. An array
        broadcasts against ``x``. ``u.mV`` means 1 mV. None means 1, for ``x`` without a unit.
    dampening : float, array or brainstate.State
        Factor on the derivative, from 1e-7 to 1e7, without unit.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        Dtype in which the derivative of every neuron and time step is stored for the backward pass.
        ``None`` keeps the dtype of ``x``. With ``"uint8"``, gradients above twice the peak are
        clipped. The peak is searched for at 35 points, up to 100 scales from the threshold. The
        gradient of an inner `QPseudoSpike` is never clipped.

    Raises
    ------
    TypeError
        If ``surrogate`` is not an instance of Surrogate, or a parameter is not a real number.
    ValueError
        If ``scale`` or ``dampening`` is not between 1e-7 and 1e7, or ``residual_dtype`` is none
        of the dtypes above.
    brainunit.UnitMismatchError
        If ``dampening`` has a dimension, or, in a call, ``x`` and ``scale`` differ in dimension.

    See Also
    --------
    QPseudoSpike : Needs no `Scaled`: it has these parameters itself.
    get_surrogate : Takes ``"Scaled('Sigmoid(alpha=4.0)', dampening=0.25)"``.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> from braintools.surrogate import Sigmoid
    >>> from braintools_qps import Scaled
    >>> surrogate = Scaled(Sigmoid(alpha=4.0), scale=10 * u.mV, dampening=0.5)
    >>> surrogate
    Scaled(surrogate=Sigmoid(alpha=4.0), scale=Quantity(10.0, "mV"), dampening=0.5)
    >>> distance = jnp.array([-10.0, 0.0, 10.0]) * u.mV
    >>> print(surrogate(distance))
    [0. 1. 1.]
    >>> print(surrogate.surrogate_grad(0.0 * u.mV) * u.mV)
    0.05
    """

    __module__ = "braintools_qps"

    surrogate: Surrogate = field(metadata={"declaration": Declaration(inner_surrogate)})

    def _parameters(self) -> Parameters:
        numbers = self._numbers()
        if not isinstance(self.surrogate, SurrogateWithScale):
            return Parameters(numbers, declarations(self), lambda: ForeignCurve.of(self.surrogate))
        inner = self.surrogate._parameters()
        products = {n: product(inner.values[n], value) for n, value in numbers.items()}
        return inner._replace(values=inner.values | products)
