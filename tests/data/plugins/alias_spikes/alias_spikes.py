"""A plugin that publishes surrogates of braintools, under their own names."""

from braintools.surrogate import S2NN

__all__ = ["S2NN"]
