"""Write sentences.json: all that gradient_flow says of the networks of test_first_line.py.

Read what has changed: every sentence must be true of its network.
"""

import json
import runpy
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
WRITTEN = TESTS / "data" / "sentences.json"


def main():
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    if not WRITTEN.exists():
        WRITTEN.write_text("{}")
    module = runpy.run_path(str(TESTS / "unit" / "gradient_flow" / "test_first_line.py"))
    said = {}
    for name, case in module["CASES"].items():
        said[name] = module["sentences"](module["flows_of"](case, case.model()))
    WRITTEN.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
