"""The regret of the search, among the results of the other benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

from .. import report
from . import picks, regret, tables
from .store import Store

TITLE = """What the search of `compare` loses, and what it costs

Points of test accuracy that a candidate loses at the setting which the search chooses, against
the best by validation of all settings of the surrogate study that were trained. Both are chosen
with the same tuning seed and tested with other seeds. The interval is over candidates. `now` is 20
settings for 2 epochs, then the best 3 for all 20; `before` was 20 for 2, 7 for 4 and 3 for 8; `one
epoch` was tried, 20 for 1 and 3 for 20. Made by `python -m benchmarks.study --write` from the
trainings of the study: searches are replayed.
"""


def publish(store: Store) -> list[Path]:
    """Write ``tuning.json`` and ``tuning.md`` into the folder of the machine that trained."""
    facts = store.record["environments"][-1]
    folder = report.folder(facts)
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        name: {
            "cost of the grid": regret.cost(schedule),
            "regret": {
                task: one._asdict() for task, one in regret.regrets(store, schedule).items()
            },
        }
        for name, schedule in picks.SCHEDULES.items()
    }
    record = {"environment": facts, "schedules": found}
    page = report.markdown(TITLE, facts, [], timed=False) + tables.search(store)
    paths = [folder / "tuning.json", folder / "tuning.md"]
    for path, text in zip(paths, (json.dumps(record, indent=1) + "\n", page.rstrip() + "\n")):
        path.write_text(text, encoding="utf-8")
    return paths
