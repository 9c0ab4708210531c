"""Every network of the casebook, by name."""

from __future__ import annotations

from .blind import BLIND
from .cases import CASES
from .sealed import SEALED
from .second_blind import SECOND
from .third_blind import THIRD

EVERY = CASES | SEALED | BLIND | SECOND | THIRD
