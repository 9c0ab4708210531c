"""The JSON file that holds every cell, written anew after each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .. import report
from .design import Cell

STORE = Path(__file__).parents[2] / "docs" / "results" / "surrogate_study.json"


class Store:
    """Cells by their keys, and the environments that they were trained in."""

    def __init__(self, path: Path = STORE) -> None:
        self.path = path
        self.record: dict[str, Any] = {"environments": [], "cells": {}}
        if path.exists():
            self.record = json.loads(path.read_text())
        self._environment: int | None = None

    @property
    def cells(self) -> dict[str, dict[str, Any]]:
        """What was kept of each cell."""
        return self.record["cells"]

    def get(self, cell: Cell) -> dict[str, Any] | None:
        """What was kept of a cell, or None while it is missing."""
        return self.cells.get(cell.key)

    def put(self, cell: Cell | str, result: dict[str, Any]) -> None:
        """Keep a result, on the disk too; a cell by its key."""
        if self._environment is None:
            self.record["environments"].append(report.environment())
            self._environment = len(self.record["environments"]) - 1
        key = cell if isinstance(cell, str) else cell.key
        self.cells[key] = result | {"environment": self._environment}
        self.save()

    def save(self) -> None:
        """Replace the file as a whole, so that an interruption leaves the old one."""
        head = json.dumps(self.record["environments"])
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in self.cells.items())
        text = f'{{"environments": {head},\n"cells": {{\n{lines}\n}}}}\n'
        part = self.path.with_suffix(".part")
        part.write_text(text)
        os.replace(part, self.path)
