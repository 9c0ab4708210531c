"""QPseudoSpike, a registry of surrogate gradients and tools to choose one, for BrainX."""

from importlib.metadata import version as _version

from ._comparison import compare
from ._gradient_flow import gradient_flow
from ._memory import SpikeLinear, save_memory, spike_matmul
from ._neurons import set_surrogate
from ._registry import (
    UnknownSurrogateError,
    get_surrogate,
    list_surrogates,
    register_surrogate,
    surrogate_spec,
)
from ._surrogate import QPseudoSpike, q_pseudo_spike
from .records import Comparison, GradientFlow

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
    # Memory
    "SpikeLinear",
    "save_memory",
    "spike_matmul",
    # Measurements
    "Comparison",
    "GradientFlow",
    "compare",
    "gradient_flow",
]
