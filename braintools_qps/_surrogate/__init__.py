"""The heart: surrogates as spike functions with a derivative of their own.

Start with `pseudo_spike`, the public names; `spike` has the custom derivative that they share, and
`kernels` the formulas on plain arrays. Units are handled in `units`, parameters checked in
`hyperparameters`, memory saved in `residuals`.
"""

from .hyperparameters import current
from .profile import (
    GradientProfile,
    gradient_profile,
    gradient_values,
    require_one_shape,
    scale_unit,
)
from .pseudo_spike import QPseudoSpike, q_pseudo_spike

__all__ = [
    "GradientProfile",
    "QPseudoSpike",
    "current",
    "gradient_profile",
    "gradient_values",
    "q_pseudo_spike",
    "require_one_shape",
    "scale_unit",
]
