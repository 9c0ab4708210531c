"""Records of `gradient_sensitivity`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._tables import sensitivity_table
from .record import Record


@dataclass(frozen=True, eq=False, repr=False)
class GradientSensitivity(Record):
    """How much a gradient depends on the surrogate, parameter by parameter.

    Attributes
    ----------
    parameters : tuple of ParameterSensitivity
        One `.ParameterSensitivity` for each gradient, in their order.
    advice : tuple of str
        Conclusions, in words.

    See Also
    --------
    gradient_sensitivity : Returns it.

    Examples
    --------
    >>> from braintools_qps.records import GradientSensitivity, ParameterSensitivity
    >>> below = ParameterSensitivity("below", change=0.5, size=0.2)
    >>> above = ParameterSensitivity("above", change=0.0, size=1.0)
    >>> both = GradientSensitivity((below, above), advice=("The surrogate acts on below only.",))
    >>> both.largest
    0.5
    >>> both
    parameter  change  size
    below         50%   0.2
    above          0%     1
    - The surrogate acts on below only.
    """

    _table = sensitivity_table

    parameters: tuple[ParameterSensitivity, ...]
    advice: tuple[str, ...]

    @property
    def largest(self) -> float:
        """The largest change of any parameter's gradient; 0 if the surrogate has no effect.

        NaN if a gradient is not finite.
        """
        changes = [p.change for p in self.parameters]
        return math.nan if any(map(math.isnan, changes)) else max(changes, default=0.0)


@dataclass(frozen=True, eq=False)
class ParameterSensitivity(Record):
    """How much one parameter's gradient depends on the surrogate.

    Attributes
    ----------
    name : str
        Path of the gradient in the returned pytree, for example ``"linear.weight"``.
    change : float
        Relative change of the gradient when the surrogate is made twice as high or twice as wide:
        the larger of the two. 0 if it is within rounding; NaN if a gradient is not finite.
    size : float
        Euclidean norm of the gradient with the surrogate as it is.

    Examples
    --------
    >>> from braintools_qps.records import ParameterSensitivity
    >>> weight = ParameterSensitivity("linear.weight", change=0.5, size=0.2)
    >>> print(f"A surrogate twice as high changes its gradient by {weight.change:.0%}.")
    A surrogate twice as high changes its gradient by 50%.
    """

    name: str
    change: float
    size: float
