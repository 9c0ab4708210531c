"""A surrogate whose parameters follow the training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
from braintools.trainer import Callback

from .._registry import get_surrogate

__all__ = ["SurrogateSchedule"]

PARAMETERS = ("alpha", "scale", "dampening")


class SurrogateSchedule(Callback):
    """Change ``alpha``, ``scale`` or ``dampening`` of a surrogate with the step of the training.

    Each is held in a `brainstate.State` that the surrogate reads when it is called, so that a
    compiled training step follows without being compiled again. Set it by calling the schedule with
    the step, outside of the compiled function or within it; as a callback of
    `braintools.trainer.Trainer` it sets itself before each batch.

    Parameters
    ----------
    surrogate : str, mapping, type or Surrogate
        As for `get_surrogate`, of a kind that can ``replace`` the parameters that change.
    **schedules : callable
        For ``alpha``, ``scale`` or ``dampening``, a function from the step to the value, as
        optax's schedules are. It is called with a traced step inside a compiled function, so it
        computes with `jax.numpy`. The scale keeps the unit it has at step 0.

    Attributes
    ----------
    surrogate : Surrogate
        What to give to the neurons, for example with `set_surrogate`.
    states : dict of str to brainstate.State
        The parameters that change, by name.

    Raises
    ------
    TypeError
        If nothing, or something other than these three, is scheduled.
    ValueError
        If a value that is not traced is not above 0.

    See Also
    --------
    TrainingMonitor : Measure what the change does.

    Examples
    --------
    >>> import optax
    >>> from braintools_qps import SurrogateSchedule
    >>> schedule = SurrogateSchedule("QPseudoSpike", alpha=optax.linear_schedule(1.0, 8.0, 100))
    >>> schedule(50)
    >>> print(schedule.states["alpha"].value)
    4.5
    >>> print(schedule.surrogate.surrogate_grad(0.0))
    1.0
    """

    __module__ = "braintools_qps"

    def __init__(self, surrogate: Any, **schedules: Callable[[Any], Any]):
        _check(schedules)
        self._schedules = schedules
        self._constant = get_surrogate(surrogate)
        if not hasattr(self._constant, "replace"):
            raise TypeError(
                "a schedule is for a surrogate whose parameters can be a State, QPseudoSpike or "
                f"Scaled, got {self._constant!r}. For its dampening or scale, pass "
                f"Scaled({self._constant!r})"
            )
        self.states = {
            name: brainstate.ShortTermState(_strong(value))
            for name, value in self._values(0).items()
        }
        self.surrogate = self._constant.replace(**self.states)

    def __call__(self, step: Any) -> None:
        """Set the parameters to their values at a step.

        Parameters
        ----------
        step : int or Array
            The step's number, from 0; it may be traced.
        """
        for name, value in self._values(step).items():
            self.states[name].value = _like(self.states[name].value, value)

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        """Set the parameters for a step of a Trainer."""
        self(trainer.global_step)

    def _values(self, step: Any) -> dict[str, Any]:
        """Checked as the surrogate checks its own parameters."""
        values = {name: follow(step) for name, follow in self._schedules.items()}
        self._constant.replace(**values)
        return values


def _check(schedules: dict[str, Any]) -> None:
    if not schedules or not set(schedules) <= set(PARAMETERS):
        raise TypeError(
            f"a schedule is given for one or more of {', '.join(PARAMETERS)}, got "
            f"{', '.join(schedules) or 'none'}. For example alpha=lambda step: 1 + 0.01 * step"
        )
    if constant := [name for name, follow in schedules.items() if not callable(follow)]:
        raise TypeError(
            f"a schedule is a function of the step, got {constant[0]}={schedules[constant[0]]!r}. "
            f"A constant is a parameter of the surrogate: replace({constant[0]}=...)"
        )


def _like(before: Any, value: Any) -> Any:
    """In the unit and dtype that compiled programs know."""
    if isinstance(before, u.Quantity):
        return _strong(u.Quantity(value).in_unit(before.unit))
    return _strong(value)


def _strong(value: Any) -> Any:
    """The value in a dtype that is the same for numbers and arrays."""
    dtype = jnp.result_type(float)
    if isinstance(value, u.Quantity):
        return u.Quantity(jnp.asarray(value.mantissa, dtype), unit=value.unit)
    return jnp.asarray(value, dtype)
