"""The optimizer: the user's own, or AdamW with a clipped gradient and a cosine schedule."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from .code import name_of
from .factory import VARIABLE, parameters_of
from .typing import Plain

WEIGHT_DECAY, CLIP = 0.001, 0.03
GIVEN_TO_OPTIMIZERS = ("learning_rate", "steps")  # if the optimizer takes them

Optimizer = Callable[..., optax.GradientTransformation]


def adamw(
    learning_rate: ArrayLike, steps: ArrayLike, clip: float | None = CLIP
) -> optax.GradientTransformation:
    """AdamW, with a learning rate that falls to 0 as a cosine until the last step.

    Above the norm ``clip``, the gradient of all weights together is scaled down; None never does.
    Adam divides by the usual size of gradients, so a low ``clip`` makes no step smaller. It limits
    the effect of single batches.
    """
    rate = lambda step: learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * (step / steps)))
    descent = optax.adamw(rate, weight_decay=WEIGHT_DECAY)
    return descent if clip is None else optax.chain(optax.clip_by_global_norm(clip), descent)


def check_optimizer(optimizer: Optimizer | None) -> None:
    """Check that the optimizer can be called with a learning rate.

    Raises
    ------
    TypeError
        If it cannot.
    """
    if not callable(optimizer or adamw) or "learning_rate" not in names_of(optimizer):
        raise TypeError(
            "optimizer must be a function of learning_rate that returns an optax transformation, "
            f"got {optimizer!r}. For example optimizer=optax.sgd, without a rate"
        )


def names_of(optimizer: Optimizer | None) -> list[str]:
    """The keywords of an optimizer."""
    return [p.name for p in parameters_of(optimizer or adamw) if p.kind not in VARIABLE]


def described_optimizer(optimizer: Optimizer | None) -> Plain:
    """Plain values for the record: the user's own function, or what ours does."""
    if optimizer is not None:
        return {"optimizer": name_of(optimizer)}
    return {"optimizer": f"optax:adamw(weight_decay={WEIGHT_DECAY}), cosine schedule", "clip": CLIP}
