"""The built wheel: complete, typed, found by name."""

import subprocess
import sys
from zipfile import ZipFile

import pytest
from helpers import ROOT


@pytest.mark.thorough
def test_the_wheel_has_the_package_alone_and_its_entry_points(tmp_path):
    """`nox -s build` installs it in a fresh environment, and runs it there."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, "-w", str(tmp_path), str(ROOT)], check=True)
    (built,) = tmp_path.glob("braintools_qps-*.whl")
    wheel = ZipFile(built)
    files = [*ROOT.glob("braintools_qps/**/*.py"), *ROOT.glob("braintools_qps/**/*.jinja")]
    names = {path.relative_to(ROOT).as_posix() for path in files} | {"braintools_qps/py.typed"}
    assert names <= set(wheel.namelist())
    assert all(name.startswith(("braintools_qps/", "braintools_qps-")) for name in wheel.namelist())
    (points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    for line in ("QPseudoSpike = braintools_qps:QPseudoSpike", "Sigmoid = ", "S2NN = "):
        assert line in wheel.read(points).decode()
