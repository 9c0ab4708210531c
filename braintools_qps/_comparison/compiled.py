"""A compiled program for many runs, no more of them at once than there is room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .model import usual_promotion
from .places import Place, needed_bytes


class Program:
    """A function of a share, compiled for ``each`` runs on every device of a place.

    ``row`` are its first three arguments, for a single run, and ``parts`` what all runs share;
    ``held`` are bytes that each device holds beside.
    """

    def __init__(
        self, function: Callable, place: Place, each: int, row: tuple, parts: tuple, held: int = 0
    ) -> None:
        self.each = each
        self.width = each * len(place.devices)
        self._place, self._held = place, held
        same = jnp.zeros(self.width, int)
        share = jax.tree.map(lambda leaf: leaf[same], row)
        placed = jax.device_put(share, place.split)
        spread = place.spread(function, len(parts))
        with usual_promotion():
            self._compiled = jax.jit(spread).lower(*placed, *parts).compile()
        self._needed = needed_bytes(self._compiled)
        self._shared = sum(leaf.nbytes for leaf in jax.tree.leaves(parts))
        self.at_once = self._place.threads
        while self.at_once > 1 and not self.fits(self.at_once):
            self.at_once -= 1

    @classmethod
    def fitting(
        cls, function: Callable, place: Place, each: int, row: tuple, parts: tuple, held: int = 0
    ) -> Program:
        """With fewer runs at once, down to one, where so many do not fit."""
        program = cls(function, place, each, row, parts, held)
        while program.each > 1 and not program.fits(place.threads):
            program = cls(function, place, program._fewer(), row, parts, held)
        return program

    def __call__(self, *arguments: Any) -> Any:
        return self._compiled(*arguments)

    def fits(self, at_once: int) -> bool:
        """Whether there is room for so many calls at once."""
        return self._needed is None or at_once * self._needed <= self._free

    @property
    def _free(self) -> float:
        return self._place.free_bytes() - self._held

    def _fewer(self) -> int:
        """How many runs fit, if what a run takes does not depend on their number."""
        assert self._needed is not None
        free = self._free / self._place.threads
        of_a_run = max(1.0, (self._needed - self._shared) / self.each)
        return max(1, min(self.each - 1, int((free - self._shared) / of_a_run)))


def together(function: Callable) -> Callable:
    """Of many runs at once; what comes after its first three arguments all runs share."""
    return lambda state, keys, numbers, *parts: jax.vmap(lambda *run: function(*run, *parts))(
        state, keys, numbers
    )


def in_turn(function: Callable) -> Callable:
    """Like `together`, one run after the other."""

    def of_share(state: Any, keys: Any, numbers: Any, *parts: Any) -> Any:
        return jax.lax.map(lambda run: function(*run, *parts), (state, keys, numbers))

    return of_share
