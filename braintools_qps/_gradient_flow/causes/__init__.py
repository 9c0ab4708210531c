"""Why a network does not learn: a file for each cause, and the order in which they count.

Start with `cause`. A dropout that keeps nothing makes NaN, NaN makes all numbers meaningless, a
silent population starves all after it, and the height of the surrogate matters only in a network
that fires and is connected. To add a cause, write its file, and put it into `CAUSES`.
"""

from .cause import MAJORITY, Cause, Finding
from .delay import Delay
from .disconnected import Disconnected
from .dropout import Dropout, keeps, low_dropouts
from .fading import Fading
from .gradient_stopped import GradientStopped, said_of_matrices, stopped_matrices
from .gradient_zero import GradientZero, outputs_alike
from .inputs_out_of_range import InputsOutOfRange
from .inputs_say_nothing import InputsSayNothing
from .negative_derivative import NegativeDerivative
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
    Disconnected(),
    GradientStopped(),
    InputsOutOfRange(),
    TooSmall(),
    Delay(),
    Silent(),
    Saturated(),
    NegativeDerivative(),
    OutOfReach(),
    GradientZero(),
    TooHigh(),
    Fading(),
)
