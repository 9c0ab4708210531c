"""What only a process can show: what --help and errors in arguments import."""

import os
import subprocess
import sys
from pathlib import Path

import braintools_qps

# The package under test, from whatever directory.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(braintools_qps.__file__).parents[1])}

MISTAKES = {
    "compare --epochs many": "argument --epochs: invalid int value: 'many'",
    "compare --data absent.npz": "absent.npz",
    "compare --tune learning_rate": "--tune: is given as NAME=VALUE,VALUE, each name once, got",
    "flow --seed high": "argument --seed: invalid int value: 'high'",
}
LOAD = f"""
import sys
from braintools_qps.__main__ import main
for command in ["", "list ", "flow ", "compare "]:
    try:
        main([*command.split(), "--help"])
    except SystemExit:
        pass
for command in {list(MISTAKES)}:
    try:
        assert main(command.split()) == 2
    except SystemExit as end:
        assert end.code == 2
loaded = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names
print("loaded:", *sorted(loaded - {{"__main__"}}), file=sys.stderr)
"""


def test_help_and_errors_in_arguments_load_nothing_but_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, env=ENVIRONMENT,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.count("usage: braintools-qps") == 4
    assert "(default: learning_rate=0.1,0.03,0.01)" in " ".join(done.stdout.split())
    *errors, loaded = done.stderr.splitlines()
    assert [message in "\n".join(errors) for message in MISTAKES.values()] == [True] * len(MISTAKES)
    before = {"braintools_qps"} | {"sitecustomize", "usercustomize"}
    assert {name for name in loaded.split()[1:] if not name.startswith("_")} <= before


def test_a_reader_that_stops_early_is_no_error():
    """``braintools-qps list | head -1``"""
    command = f"set -o pipefail; '{sys.executable}' -m braintools_qps list | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")
