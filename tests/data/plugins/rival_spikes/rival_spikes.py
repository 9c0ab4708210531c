"""A plugin that claims a name which is taken."""

from braintools.surrogate import SoftSign


class QPseudoSpike(SoftSign):
    """Another surrogate by the same name."""
