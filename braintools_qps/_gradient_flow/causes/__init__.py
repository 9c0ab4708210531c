"""Why a network does not learn: a file for each cause, and the order in which they count.

Start with `cause`. A dropout that keeps nothing makes NaN, NaN makes all numbers meaningless, a
silent population starves all after it, and the height of the surrogate matters only in a network
that fires and is connected. To add a cause, write its file, and put it into `CAUSES`.
"""

from .cause import MAJORITY, Cause, Finding
from .delay import DELAY
from .dropout import DROPOUT
from .fading import FADING
from .inputs import INPUTS_OUT_OF_RANGE, INPUTS_SAY_NOTHING
from .no_gradient import GRADIENT_STOPPED, GRADIENT_ZERO
from .not_finite import NOT_FINITE
from .out_of_reach import OUT_OF_REACH
from .saturated import SATURATED
from .silent import SILENT
from .too_high import TOO_HIGH
from .too_small import TOO_SMALL

CAUSES = (
    DROPOUT,
    NOT_FINITE,
    INPUTS_SAY_NOTHING,
    GRADIENT_STOPPED,
    INPUTS_OUT_OF_RANGE,
    TOO_SMALL,
    DELAY,
    SILENT,
    SATURATED,
    OUT_OF_REACH,
    GRADIENT_ZERO,
    TOO_HIGH,
    FADING,
)
