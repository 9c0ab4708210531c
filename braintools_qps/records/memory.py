"""What `save_memory` did, as a frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .flow import Record


@dataclass(frozen=True)
class SavedMemory(Record):
    """What `save_memory` changed in a model, and what it left.

    ``print`` shows it as a table.

    Attributes
    ----------
    changed : mapping of str to str
        By the path of a neuron or layer in the model, what it has or is now.
    left : mapping of str to str
        By the path, why nothing was changed.
    """

    changed: Mapping[str, str]
    left: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, ready for JSON."""
        return {"changed": dict(self.changed), "left": dict(self.left)}

    def __str__(self) -> str:
        entries = [
            *self.changed.items(),
            *((path, f"left: {why}") for path, why in self.left.items()),
        ]
        width = max((len(path) for path, _ in entries), default=0)
        return "\n".join(f"{path:{width}}  {text}" for path, text in entries)
