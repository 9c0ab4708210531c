"""Memory saving: spikes are stored in one bit for the backward pass.

Start with `matmul`, the product of spikes and weights, and the `layers` made of it. `packed` has
the packing and the derivative rule, `spikes` checks the input. `save` changes a whole model:
`possible_values` finds the products that receive spikes, `products` changes them. `loop` runs long
sequences in parts.
"""

from .layers import SpikeConv1d, SpikeConv2d, SpikeLinear
from .loop import loop_in_parts
from .matmul import spike_matmul
from .save import save_memory
