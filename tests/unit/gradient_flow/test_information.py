"""`gradient_flow` with labels: how much a linear readout tells from the spikes."""
