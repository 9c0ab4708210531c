"""Frugality: backpropagation through time that remembers spikes in two bits.

Start with `matmul`, the product of spikes and weights, and `linear`, its layer. `product` has the
derivative rule, `bits` the packing, `spikes` what may come in.
"""

from .linear import SpikeLinear
from .matmul import spike_matmul

__all__ = ["SpikeLinear", "spike_matmul"]
