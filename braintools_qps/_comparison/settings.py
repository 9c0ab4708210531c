"""What is the same for all candidates of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import optax

from .._checks import checked_count, is_positive
from .._defaults import BATCH_SIZE, CLIP, EPOCHS, LEARNING_RATE
from .fingerprint import name_of

WEIGHT_DECAY = 0.001
SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True)
class Settings:
    """Options of training.

    ``schedule`` is of the learning rate: "cosine" lets it fall to 0 with the last step.
    ``patience`` is how many epochs without a better validation score end a run. ``save_memory`` is
    done to every model that is made.
    """

    epochs: int = EPOCHS
    batch_size: int = BATCH_SIZE
    learning_rate: float = LEARNING_RATE
    clip: float | None = CLIP
    schedule: str = "cosine"
    patience: int | None = None
    optimizer: Callable[[Any], optax.GradientTransformation] | None = None
    save_memory: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            checked_count(name, getattr(self, name))
        if self.patience is not None:
            checked_count("patience", self.patience)
        for name in ("learning_rate", "clip"):
            check_positive(name, getattr(self, name), none=name == "clip")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {SCHEDULES}, got {self.schedule!r}")
        if self.optimizer is not None and not callable(self.optimizer):
            raise TypeError(
                "optimizer must be a function from a learning rate to an optax transformation, got "
                f"{self.optimizer!r}. For example optimizer=optax.sgd, without a rate"
            )

    def transformation(self, rate: Any) -> optax.GradientTransformation:
        """The optimizer at a learning rate, which may be traced."""
        if self.optimizer is None:
            return optax.adamw(rate, weight_decay=WEIGHT_DECAY)
        made = self.optimizer(rate)
        if not (hasattr(made, "init") and hasattr(made, "update")):
            raise TypeError(
                "optimizer, called with a learning rate, must return an optax transformation, got "
                f"{made!r}. For example optimizer=lambda rate: optax.sgd(rate, momentum=0.9)"
            )
        return made

    def described(self) -> dict[str, Any]:
        """As plain values, for the record."""
        own = self.optimizer
        name = f"optax:adamw(weight_decay={WEIGHT_DECAY})" if own is None else name_of(own)
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"optimizer": name}


def check_positive(name: str, value: Any, *, none: bool = False) -> None:
    """Raise unless it is a number above 0, or None where that is allowed.

    Raises
    ------
    TypeError, ValueError
        With the name and the value.
    """
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not is_positive(value):
        raise ValueError(f"{name} must be finite and above 0, got {value}")
