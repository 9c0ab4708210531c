"""QPseudoSpike, a registry of surrogate gradients and tools to choose one, for BrainX."""

from importlib.metadata import version as _version

from ._compare import compare
from ._flow import gradient_flow
from ._flow_records import GradientFlow
from ._model import set_surrogate
from ._registry import (
    UnknownSurrogateError,
    get_surrogate,
    list_surrogates,
    register_surrogate,
    surrogate_spec,
)
from ._results import Comparison
from ._surrogate import QPseudoSpike, q_pseudo_spike

__version__ = _version("braintools-qps")

__all__ = [  # noqa: RUF022 -- grouped by use
    # The surrogate
    "QPseudoSpike",
    "q_pseudo_spike",
    # Surrogates by name
    "UnknownSurrogateError",
    "get_surrogate",
    "list_surrogates",
    "register_surrogate",
    "surrogate_spec",
    # Models
    "set_surrogate",
    # Measurements
    "Comparison",
    "GradientFlow",
    "compare",
    "gradient_flow",
]
