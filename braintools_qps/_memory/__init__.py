"""Frugality: backpropagation through time that remembers spikes in two bits.

Start with `matmul`, the product of spikes and weights, and `linear`, its layer. `product` has the
derivative rule, `bits` the packing, `spikes` what may come in. `save` changes a whole model, and
`values` finds out where spikes go.
"""

from .linear import SpikeLinear
from .matmul import spike_matmul
from .save import save_memory

__all__ = ["SpikeLinear", "save_memory", "spike_matmul"]
