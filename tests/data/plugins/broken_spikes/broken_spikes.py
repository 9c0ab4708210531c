"""A plugin whose import fails, as one that was compiled against another version does."""

raise RuntimeError("built for another version")
