"""Watch the gradient during training, and change the surrogate with the training step.

Start with `monitor`, which measures at regular steps. `metrics` turns a measurement into named
numbers, and `logs` passes them to any logger. `schedule` changes a surrogate's parameters with the
training step.
"""

from .monitor import TrainingMonitor
from .schedule import SurrogateSchedule
