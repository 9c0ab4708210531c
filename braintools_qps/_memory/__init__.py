"""Frugality: backpropagation through time that remembers spikes in one bit.

Start with `matmul`, the product of spikes and weights, and the layers in `linear` and `conv`.
`product` has the derivative rule, `bits` the packing, `spikes` what may come in. `save` changes a
whole model, and `values` finds out where spikes go.
"""

from .conv import SpikeConv1d, SpikeConv2d
from .linear import SpikeLinear
from .matmul import spike_matmul
from .save import save_memory

__all__ = ["SpikeConv1d", "SpikeConv2d", "SpikeLinear", "save_memory", "spike_matmul"]
