"""Every network of the casebook, by name."""

from __future__ import annotations

from . import blind, fifth_blind, fourth_blind, sealed, second_blind, sixth_blind, third_blind
from .cases import CASES, read

EVERY = (
    CASES
    | read("sealed", sealed)
    | read("blind", sealed, blind)
    | read("second blind", sealed, second_blind)
    | read("third blind", sealed, third_blind)
    | read("fourth blind", sealed, fourth_blind)
    | read("fifth blind", sealed, fifth_blind)
    | read("sixth blind", sealed, sixth_blind)
)
