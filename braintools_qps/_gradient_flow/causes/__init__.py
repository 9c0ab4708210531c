"""Why a network does not learn: a file for each cause, and the order in which they count.

Start with `cause`. A dropout that keeps nothing makes NaN, NaN makes all numbers meaningless, a
silent population starves all after it, and the height of the surrogate matters only in a network
that fires and is connected. To add a cause, write its file, and put it into `CAUSES`.
"""

from .cause import MAJORITY, Cause, Finding
from .delay import Delay
from .dropout import Dropout
from .fading import Fading
from .inputs import InputsOutOfRange, InputsSayNothing
from .no_gradient import GradientStopped, GradientZero
from .not_finite import NotFinite
from .out_of_reach import OutOfReach
from .saturated import Saturated
from .silent import Silent
from .too_high import TooHigh
from .too_small import TooSmall

CAUSES: tuple[Cause, ...] = (
    Dropout(),
    NotFinite(),
    InputsSayNothing(),
    GradientStopped(),
    InputsOutOfRange(),
    TooSmall(),
    Delay(),
    Silent(),
    Saturated(),
    OutOfReach(),
    GradientZero(),
    TooHigh(),
    Fading(),
)
