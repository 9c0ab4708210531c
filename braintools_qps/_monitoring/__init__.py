"""What happens to the gradient while a network trains, and surrogates that change with the step.

Start here with `monitor`, which measures at regular steps; `metrics` turns a measurement into
named numbers, and `logs` hands them to whatever logger is there. `schedule` is a surrogate whose
parameters follow the training step.
"""

from .monitor import TrainingMonitor
from .schedule import SurrogateSchedule

__all__ = ["SurrogateSchedule", "TrainingMonitor"]
