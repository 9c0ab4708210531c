"""The built wheel, away from the checkout: complete, typed, found by name."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]

SMOKE_TEST = """
import sys
from importlib.metadata import entry_points
from pathlib import Path

import braintools
import braintools_qps
import jax

assert Path(braintools_qps.__file__).is_relative_to(sys.argv[1]), braintools_qps.__file__
group = entry_points(group="braintools.surrogate")
assert {"QPseudoSpike", "Sigmoid", "S2NN"} <= group.names
for entry in group:
    assert issubclass(entry.load(), braintools.surrogate.Surrogate)
assert jax.grad(braintools_qps.get_surrogate("QPseudoSpike(alpha=2)"))(0.5) == 0.5625
print(braintools_qps.__version__)
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(ROOT))
    (built,) = folder.glob("braintools_qps-*.whl")
    return built


def test_contents(wheel):
    names = ZipFile(wheel).namelist()
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("braintools_qps/**/*.py")}
    assert modules <= set(names)
    assert "braintools_qps/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks"))]


def test_installed_alone(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site), str(wheel))
    environment = os.environ | {"PYTHONPATH": str(site)}
    printed = run(sys.executable, "-c", SMOKE_TEST, str(site), cwd=elsewhere, env=environment)
    assert printed.strip() == "0.1.0"
    help_text = run(
        sys.executable, "-m", "braintools_qps", "--help", cwd=elsewhere, env=environment
    )
    assert "compare" in help_text
