"""Every network of the casebook, by name."""

from __future__ import annotations

from . import blind, sealed, second_blind, third_blind
from .cases import CASES, read

EVERY = (
    CASES
    | read("sealed", sealed)
    | read("blind", blind, sealed)
    | read("second blind", second_blind, sealed)
    | read("third blind", third_blind, sealed)
)
