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
with the same tuning seed and tested with five or ten other seeds. The interval is over candidates
and seeds. Searches train 20 settings for 2 epochs and a few of them for all 20: `now` the two
that have the lowest training losses at all learning rates, `by accuracy` the three with the highest
validation accuracies. Made by `python -m benchmarks.study --write` from the trainings of the study:
searches are replayed.
"""


def publish(store: Store) -> list[Path]:
    """Write ``tuning.json`` and ``tuning.md`` into the folder of the machine that trained."""
    facts = store.record["environments"][-1]
    folder = report.folder(facts)
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        name: {label: one._asdict() for label, one in regret.regrets(store, search).items()}
        for name, search in picks.SEARCHES.items()
    }
    record = {"environment": facts, "cost of the planned grid": regret.cost(), "regret": found}
    page = report.markdown(TITLE, facts, [], timed=False) + tables.search(store)
    paths = [folder / "tuning.json", folder / "tuning.md"]
    for path, text in zip(paths, (json.dumps(record, indent=1) + "\n", page.rstrip() + "\n")):
        path.write_text(text, encoding="utf-8")
    return paths
