"""A gradient that stops at the reset, for neurons that have no option for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jax

from ..typing import Node
from .neuron import membrane_of, set_spike, spike_of

ATTACHED = "_braintools_qps_attached"  # attribute of a detached class: the original class


def check_detachable(neurons: Mapping[str, Node]) -> None:
    """Check that all neurons are of `brainpy.state`.

    Raises
    ------
    ValueError
        If some are not.
    """
    other = [
        f"{name} ({type(neuron).__name__})"
        for name, neuron in neurons.items()
        if not any(
            cls.__module__.startswith(("brainpy.state", "brainpy_state"))
            for cls in type(neuron).__mro__
        )
    ]
    if other:
        raise ValueError(
            f"detach_reset=True needs neurons of brainpy.state, got {', '.join(other)}. In your "
            "own neuron, reset with jax.lax.stop_gradient(spikes)"
        )


def set_reset(neuron: Node, detach: bool) -> None:
    """Detach the reset of a neuron, or attach it again."""
    attached: type = getattr(type(neuron), ATTACHED, type(neuron))
    neuron.__class__ = _detached(attached) if detach else attached


@cache
def _detached(cls: type) -> type:
    """A subclass whose update stops the gradient at all spikes before its change of V.

    With a subclass, the surrogate and all attributes of the neuron stay as they are.
    """

    def update(self: Node, *args: Any, **kwargs: Any) -> Any:
        spike, before, has_reset = spike_of(self), membrane_of(self).value, False

        def called(x: Any) -> Any:
            nonlocal has_reset
            if membrane_of(self).value is not before:
                return spike(x)
            has_reset = True
            return jax.lax.stop_gradient(spike(x))

        set_spike(self, called)
        try:
            result = cls.update(self, *args, **kwargs)  # type: ignore[attr-defined]
        finally:
            set_spike(self, spike)
        if not has_reset:
            raise ValueError(
                f"detach_reset=True needs a neuron that calls spk_fun for its reset, before it "
                f"updates V; {cls.__name__} does not. Call set_surrogate without detach_reset"
            )
        return result

    reduce = lambda self: (_new_detached, (cls,), dict(vars(self)))
    members = {"update": update, "__reduce__": reduce, ATTACHED: cls, "__module__": cls.__module__}
    return type(cls)(cls.__name__, (cls,), members)


def _new_detached(cls: type) -> object:
    return object.__new__(_detached(cls))
