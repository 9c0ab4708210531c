"""The heart: surrogates as spike functions with a derivative of their own.

Start with `pseudo_spike`, the class. Its call goes to `spike`, which takes units off (`units`) and
has the custom derivative; the formulas are in `kernels`, and `residuals` stores the derivative in
fewer bits where asked to. `scaled` does the same for a surrogate of another library, whose curve is
in `foreign`. `parameters` checks numbers and says when two surrogates are the same; `adjusting`
makes surrogates that differ in numbers.
"""

from .adjusting import Traceable, adjusted, traceable
from .float16 import has_float16
from .height_and_width import (
    GradientProfile,
    gradient_profile,
    gradient_values,
    require_one_shape,
    scale_of,
    scale_unit,
)
from .parameters import Same, current, surrogate_key
from .pseudo_spike import QPseudoSpike, q_pseudo_spike
from .residuals import compressed_product
from .scaled import Scaled
from .units import strip, takes_numbers

__all__ = [
    "GradientProfile",
    "QPseudoSpike",
    "Same",
    "Scaled",
    "Traceable",
    "adjusted",
    "compressed_product",
    "current",
    "gradient_profile",
    "gradient_values",
    "has_float16",
    "q_pseudo_spike",
    "require_one_shape",
    "scale_of",
    "scale_unit",
    "strip",
    "surrogate_key",
    "takes_numbers",
    "traceable",
]
