"""The q-PseudoSpike surrogate: a spike function, and the class that holds its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import numpy as np
from jax import Array

from ..typing import Distance, Hyperparameter, ResidualDtype, Scale
from . import spike
from .kernels import PseudoSpikeCurve
from .parameters import ALPHA, declarations, positive
from .parameters import scale as as_scale
from .surrogate_with_scale import SurrogateWithScale

__all__ = ["QPseudoSpike", "q_pseudo_spike"]


def q_pseudo_spike(
    x: Distance,
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

    with :math:`s` = ``scale`` and :math:`d` = ``dampening``. It spikes at 0. NaN gives NaN in the
    forward and the backward pass. The derivative at :math:`\pm\infty` is 0.

    First derivatives with respect to ``alpha``, ``scale`` and ``dampening`` are 0, because a spike
    does not depend on the shape of its surrogate. Second derivatives do depend on these parameters,
    so you can differentiate through training steps with respect to ``alpha``.

    Parameters
    ----------
    x : array_like or Quantity
        Distance of the membrane potential from its threshold, of any shape. Integers and booleans
        are converted to floats. A Quantity in mV spikes without a ``scale``; only its derivative
        needs one.
    alpha : float, array or brainstate.State
        Tail fatness, the paper's q: any number above 0, ``inf`` included, without unit. An array
        broadcasts against ``x``, for one tail per neuron. A State is read at each call. Plain
        `jax.jit` reads it only while it compiles: use `brainstate.transform.jit`.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1: from 1e-7 to 1e7, in the dimension of ``x``. An array
        broadcasts against ``x``. ``u.mV`` means 1 mV. None means 1, for ``x`` without a unit.
    dampening : float, array or brainstate.State
        Factor on the derivative, from 1e-7 to 1e7, without unit.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        Dtype in which the derivative of every neuron and time step is stored for the backward pass.
        ``None`` keeps the dtype of ``x``. A smaller one saves memory only under `jax.jit`.

    Returns
    -------
    Array
        0 or 1, without unit. The shape is that of ``x`` broadcast with the parameters, the dtype
        that of ``x``, or JAX's default float if ``x`` is integer or boolean.

    Raises
    ------
    TypeError
        If ``x`` is complex or not numeric, or a parameter is not a real number.
    ValueError
        If a parameter is not above 0 or does not broadcast against ``x``, ``scale`` or
        ``dampening`` is not between 1e-7 and 1e7, or ``residual_dtype`` is none of the dtypes
        above.
    brainunit.UnitMismatchError
        If ``x`` and ``scale`` differ in dimension, ``alpha`` or ``dampening`` has a dimension, or a
        derivative with respect to a voltage lacks a ``scale``.

    See Also
    --------
    QPseudoSpike : The same function with its parameters bound, for neuron models.
    braintools_qps.typing.Hyperparameter : The type of ``alpha`` and ``dampening``.
    braintools_qps.typing.Scale : The type of ``scale``.

    Notes
    -----
    Results are accurate for ``|x / scale|`` up to 1e9. The page "Sharp bits" of the documentation
    lists the errors. A traced parameter cannot be checked: it gives NaN unless it is above 0.

    The paper and SpikingJelly divide by q - 1 instead of ``alpha + 1``, and so need a q above 1.
    `QPseudoSpike.from_q` gives the paper's form.

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
class QPseudoSpike(SurrogateWithScale):
    r"""The q-PseudoSpike surrogate gradient, for the ``spk_fun`` of a neuron model.

    .. math::

        g'(x) &= \frac{d}{s} \left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{-\alpha} \\
        g_\mathrm{origin}(x) &= \frac{1}{2} + d\, \mathrm{sign}(x)\,
        \frac{\alpha + 1}{2 (1 - \alpha)}
        \left[\left(1 + \frac{2 |x/s|}{\alpha + 1}\right)^{1 - \alpha} - 1\right]

    with :math:`s` = ``scale`` and :math:`d` = ``dampening``. ``surrogate_fun`` is
    :math:`g_\mathrm{origin}`, the integral of the surrogate gradient. The smaller ``alpha``, the
    fatter the tail: near 0 the gradient is 1 everywhere (straight-through), at 1 it is
    :math:`1/(1+|x|)`, at 2 the fast sigmoid of SuperSpike, at ``inf`` :math:`e^{-2|x|}`.

    Start with ``QPseudoSpike(alpha=8)`` and the learning rate that `prepare` names.
    Tune the rate with `compare` when it matters. Lower the dampening of fat tails (S2NN, alpha 2),
    and avoid fatter ones (alpha 1 and below). The default, alpha 2 with a dampening of 1, is that
    of braintools; with the learning rate tuned it lost 9.8 points of accuracy in our study (the
    page "Choosing a surrogate").

    It spikes at 0. NaN gives NaN in the forward and the backward pass; the derivative at
    :math:`\pm\infty` is 0. First derivatives with respect to the parameters are 0, because a spike
    does not depend on its surrogate; second derivatives are not 0.

    Surrogates are immutable and hashable. Two are equal if their parameters are, so `jax.jit`
    compiles once for equal static arguments. NumPy arrays are copied and compared by value; JAX
    arrays are compared by identity. A surrogate that holds a State cannot be pickled.

    Parameters
    ----------
    alpha : float, array or brainstate.State
        Tail fatness, the paper's q: any number above 0, ``inf`` included, without unit. An array
        broadcasts against ``x``, for one tail per neuron. A State is read at each call. Plain
        `jax.jit` reads it only while it compiles: use `brainstate.transform.jit`.
    scale : float, array, Quantity, Unit or brainstate.State, optional
        The value of ``x`` that counts as 1: from 1e-7 to 1e7, in the dimension of ``x``. An array
        broadcasts against ``x``. ``u.mV`` means 1 mV. None means 1, for ``x`` without a unit.
    dampening : float, array or brainstate.State
        Factor on the derivative, from 1e-7 to 1e7, without unit.
    residual_dtype : {None, "bfloat16", "float16", "uint8"}
        Dtype in which the derivative of every neuron and time step is stored for the backward pass.
        None keeps the dtype of ``x``. A smaller one saves memory only under `jax.jit`.

    Raises
    ------
    TypeError
        If a parameter is not a real number; in a call, if ``x`` is complex or not numeric.
    ValueError
        If a parameter is not above 0 or out of its range, or ``residual_dtype`` is none of the
        dtypes above; in a call, if a parameter does not broadcast against ``x``.
    brainunit.UnitMismatchError
        If ``alpha`` or ``dampening`` has a dimension; in a call, if ``x`` and ``scale`` differ in
        dimension, or a derivative with respect to a voltage lacks a ``scale``.

    Notes
    -----
    ``x`` is an array or a Quantity of any shape: the distance of the membrane potential from its
    threshold. Spikes are 0 or 1, without unit, of the shape of ``x`` broadcast with the parameters
    and of the dtype of ``x``, or JAX's default float if that is an integer or a boolean.

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

    alpha: Hyperparameter = field(default=2.0, metadata={"declaration": ALPHA})

    @classmethod
    def from_q(
        cls,
        q: Hyperparameter,
        sharpness: Hyperparameter = 1.0,
        dampening: Hyperparameter = 1.0,
        scale: Scale = None,
        *,
        residual_dtype: ResidualDtype = None,
    ) -> QPseudoSpike:
        r"""Build a surrogate from the paper's parameters; its integral runs from 0 to 1.

        .. math:: g'(x) = \frac{d}{s} \left(1 + \frac{2 k |x/s|}{q - 1}\right)^{-q}

        with :math:`s` = ``scale``, :math:`d` = ``dampening`` and :math:`k` = ``sharpness``. By
        default its peak and its area are 1. SpikingJelly uses this form.

        Parameters
        ----------
        q : float or array
            Tail fatness, above 1, without unit.
        sharpness : float or array
            Factor on ``x``, above 0, without unit.
        dampening : float or array
            Factor on the derivative, above 0, without unit.
        scale : float, array, Quantity or Unit, optional
            The value of ``x`` that counts as 1.
        residual_dtype : {None, "bfloat16", "float16", "uint8"}
            Dtype in which the derivative is stored for the backward pass.

        Returns
        -------
        QPseudoSpike
            A surrogate with ``alpha = q``, and the width and height of the paper's form.

        Raises
        ------
        TypeError, brainunit.UnitMismatchError
            If a parameter is invalid, as for `q_pseudo_spike`.
        ValueError
            If ``q`` is not above 1, or another parameter not above 0.

        Examples
        --------
        >>> QPseudoSpike.from_q(3.0)
        QPseudoSpike(alpha=3.0, scale=0.5, dampening=0.5)
        """
        q = positive("q", q)
        if not isinstance(q, jax.core.Tracer) and not np.all(np.asarray(q) > 1):
            raise ValueError(f"q must be greater than 1, got {q}. Use QPseudoSpike(alpha={q})")
        # (q - 1) / (q + 1), in a form that holds for q = inf.
        ratio = (1 - 2 / (q + 1)) / positive("sharpness", sharpness)
        width = as_scale("scale", scale)
        return cls(
            q,
            scale=ratio if width is None else ratio * width,
            dampening=ratio * positive("dampening", dampening),
            residual_dtype=residual_dtype,
        )

    def _parameters(self) -> spike.Parameters:
        return spike.Parameters(self._numbers(), declarations(self), PseudoSpikeCurve)
