"""The built wheel, away from the checkout: complete, typed, found by name."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.thorough

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

from braintools_qps.__main__ import main

main(["--help"])
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    run(*pip, "-w", str(folder), str(ROOT))
    (built,) = folder.glob("braintools_qps-*.whl")
    return built


def test_contents(wheel):
    names = ZipFile(wheel).namelist()
    files = [*ROOT.glob("braintools_qps/**/*.py"), *ROOT.glob("braintools_qps/**/*.jinja")]
    assert {path.relative_to(ROOT).as_posix() for path in files} <= set(names)
    assert "braintools_qps/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks"))]


def test_installed_alone(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    ZipFile(wheel).extractall(site)
    environment = os.environ | {"PYTHONPATH": str(site)}
    printed = run(sys.executable, "-c", SMOKE_TEST, str(site), cwd=elsewhere, env=environment)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert printed.startswith(f"{declared}\nusage: braintools-qps")
    assert "compare" in printed
