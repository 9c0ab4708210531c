"""Scale, dampening, units and compact residuals for any surrogate."""

from __future__ import annotations

from dataclasses import dataclass

from braintools.surrogate import Surrogate

from .foreign import Foreign
from .parameters import current, product
from .pseudo_spike import SurrogateWithScale
from .spike import Curve

__all__ = ["Scaled"]


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(SurrogateWithScale):
    r"""Give any surrogate a scale, a dampening, units and compact residuals.

    .. math::

        g'(x) &= \frac{d}{s}\, h'(x/s) \\
        g_\mathrm{origin}(x) &= \frac{1}{2} + d \left(h_\mathrm{origin}(x/s) - \frac{1}{2}\right)

    with :math:`s` = ``scale``, :math:`d` = ``dampening`` and :math:`h` the surrogate that is
    scaled. Where both are 1, it stays as it is. All that `QPseudoSpike` promises holds: the spike
    is exact, with NaN passed on; at :math:`\pm\infty` the derivative is 0; parameters have no
    derivative at first order and have one at second order, with every version of braintools. Of the
    surrogate only ``surrogate_grad`` and ``surrogate_fun`` are used, on arrays without unit.

    A surrogate that is scaled twice has the product of the scales and that of the dampenings, so
    that ``Scaled(QPseudoSpike(scale=10 * u.mV), dampening=0.5)`` takes mV.

    An object is immutable, and keeps a copy of the surrogate. Equality, hash and repr come from the
    parameters, those of the surrogate included.

    Parameters
    ----------
    surrogate : braintools.surrogate.Surrogate
        The one to be scaled. An array among its parameters broadcasts against ``x``.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1, above 0; an array broadcasts against ``x``. ``u.mV``
        means 1 mV. By default 1 where ``x`` has no unit.
    dampening : float, array or brainstate.State
        Factor of the derivative, above 0, without unit.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        What reverse mode stores the derivative in, for every neuron and time step, as a fraction of
        its peak, which is looked for at 0 and at 17 distances from 0.01 to 100 scales to either
        side. ``None`` keeps the dtype of ``x``. ``"uint8"`` keeps the sign in one of the bits, and
        at most twice that peak, unless a `QPseudoSpike` is scaled, which has neither limit.

    Raises
    ------
    TypeError
        If ``surrogate`` is not an instance of Surrogate, or a parameter is not a real number.
    ValueError
        If a parameter is not above 0, or a number not within 1e-15 and 1e15.
    brainunit.UnitMismatchError
        If ``dampening`` has a dimension; when called, if ``x`` and ``scale`` differ in theirs.

    See Also
    --------
    QPseudoSpike : Has the same parameters of its own.
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

    surrogate: Surrogate

    def _curve(self) -> Curve:
        scale, dampening = current("scale", self.scale), current("dampening", self.dampening)
        if not isinstance(self.surrogate, SurrogateWithScale):
            return Curve(1.0, scale, dampening, Foreign.of(self.surrogate))
        inner = self.surrogate._curve()
        return inner._replace(
            scale=product(inner.scale, scale), dampening=product(inner.dampening, dampening)
        )
