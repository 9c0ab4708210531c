"""Figures of surrogates, of the gradient's way through a network and of comparisons.

Every function draws into matplotlib axes, makes them where none are given, and returns them. A
notebook shows the figure, and prints nothing of what is returned.
Matplotlib is imported when one is called.

Each figure has a file. Start with `surrogates`, the plainest; `comparison` puts several into one
figure. `panels` has what all share: axes, looks, the legend.
"""
# ruff: noqa: F401 -- what `__all__` leaves out is for reports

from .accuracy import accuracy_height, plot_accuracy
from .comparison import plot_comparison
from .flow import plot_gradient_flow
from .learning_curves import plot_learning_curves
from .membrane import plot_membrane
from .ranking import plot_ranking
from .surrogates import plot_surrogates
from .training import plot_flow_over_training
from .tuning import plot_tuning, tuning_legend, tuning_panels

__all__ = [
    "plot_accuracy",
    "plot_comparison",
    "plot_flow_over_training",
    "plot_gradient_flow",
    "plot_learning_curves",
    "plot_membrane",
    "plot_ranking",
    "plot_surrogates",
    "plot_tuning",
]
