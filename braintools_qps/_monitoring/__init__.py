"""What happens to the gradient while a network trains, and surrogates that change with the step.

Start here with `monitor`, which measures every so many steps; `readings` turns a measurement into
named numbers, `logs` hands them to whatever logger is there, and `signs` says in words what is
wrong. `schedule` is a surrogate whose parameters follow the training step.
"""

from .monitor import TrainingMonitor
from .schedule import SurrogateSchedule

__all__ = ["SurrogateSchedule", "TrainingMonitor"]
