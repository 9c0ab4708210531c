"""Surrogates: spike functions with a custom derivative.

Start with `pseudo_spike`, the class; `surrogate_with_scale` is its base. Its call goes to `spike`,
which takes units off (`units`), applies scale and dampening and defines the derivative rule. The
curve is in `kernels`; `foreign` has those of other libraries, which `scaled` wraps. `residuals`
stores the derivative in 8 or 16 bits. `parameters` is what a field declares about itself, with
the checks of its values. `arguments` says how to make a surrogate again, `keys` compares two, and
`adjusting` copies one with other numbers.
"""

from .adjusting import adjusted, traceable
from .arguments import arguments
from .foreign import is_step
from .keys import surrogate_key, value_key
from .parameters import LARGEST, SMALLEST, check_range, declarations, positive
from .pseudo_spike import QPseudoSpike, q_pseudo_spike
from .residuals import compressed_product, has_float16
from .scaled import Scaled
from .surrogate_with_scale import SurrogateWithScale
from .units import missing_scale, strip
from .values import require_one_shape, scale_of, scale_unit
