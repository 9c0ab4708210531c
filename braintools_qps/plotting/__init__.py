"""Figures of surrogates, of gradient flow and of comparisons.

Every function draws into the matplotlib axes that it is given, or into a new figure, and returns
the axes. In a notebook, end the line with a semicolon, so that the axes are not printed. Matplotlib
is imported at the first call.

Each figure has a file. Start with `surrogates`, the plainest; `comparison` puts several into one
figure. `panels` is shared by all: axes, looks, the legend.
"""

from .accuracy import plot_accuracy
from .comparison import plot_comparison
from .flow import plot_gradient_flow
from .learning_curves import plot_learning_curves
from .membrane import plot_membrane
from .operations import plot_operations
from .surrogates import plot_surrogates
from .training import plot_flow_over_training

__all__ = [
    "plot_accuracy",
    "plot_comparison",
    "plot_flow_over_training",
    "plot_gradient_flow",
    "plot_learning_curves",
    "plot_membrane",
    "plot_operations",
    "plot_surrogates",
]
