"""QPseudoSpike, a registry of surrogate gradients and tools to choose one, for BrainX."""

from importlib.metadata import version as _version

from ._surrogate import QPseudoSpike, q_pseudo_spike

__version__ = _version("braintools-qps")

__all__ = [
    # The surrogate
    "QPseudoSpike",
    "q_pseudo_spike",
]
