"""A plugin that publishes what is not a Surrogate."""


def function_spike(x):
    return x >= 0
