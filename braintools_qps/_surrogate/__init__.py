"""The heart: surrogates as spike functions with a derivative of their own.

Start with `pseudo_spike` and `scaled`, the public names; `parametrised` has what the two classes
share, and `spike` the custom derivative. `curves` says what that derivative may look like, and
`kernels` has its formulas on plain arrays. Parameters are checked in `parameters`, which also says
when two surrogates are the same, and made ready for a call in `prepared`; units are handled in
`units`, memory is saved in `residuals`. `adjusting` makes surrogates that differ in numbers.
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
