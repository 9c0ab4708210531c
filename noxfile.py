"""Development tasks; without arguments, those that `.ci/run` and the GitHub workflow run."""

import re
import shutil
import subprocess
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def newest_python() -> str:
    """The newest of them that is here and starts: a name on the path may lead nowhere."""
    starts = [python for python in PYTHONS if _starts(f"python{python}")]
    return starts[-1] if starts else PYTHONS[0]


def _clone(session: nox.Session, folder: Path) -> Path:
    clone = folder.absolute() / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    session.run("git", "clone", "--quiet", ".", str(clone), external=True)
    return clone


def _starts(command: str) -> bool:
    try:
        return subprocess.run([command, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


# What `mutation` changes, and the tests that must notice.
MUTATED = {
    "surrogate": ("braintools_qps/_surrogate", "tests/unit/surrogate"),
    "reading": ("braintools_qps/_registry/reading.py", "tests/unit/registry"),
    "writing": ("braintools_qps/_registry/writing.py", "tests/unit/registry"),
    "measures": (
        "braintools_qps/_gradient_flow/measures.py",
        "tests/unit/gradient_flow/test_measures.py",
    ),
}
COSMIC_RAY = """
[cosmic-ray]
module-path = "{files}"
timeout = 600.0
excluded-modules = []
test-command = "python -m pytest -x -q {tests}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]  # unions in annotations
"""

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["readme", "lint", "types", "docs", f"tests-{newest_python()}"]


@nox.session(python=False)
def readme(session: nox.Session) -> None:
    """The commands of the README in a fresh clone, on python3."""
    clone = _clone(session, Path(session.create_tmp()))
    blocks = re.findall(r"<!-- ci: \w+ -->\n```bash\n(.*?)```", Path("README.md").read_text(), re.S)
    with session.chdir(clone):
        for block in blocks:
            session.run("bash", "-euxc", block, external=True)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style, by ruff."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Types, by mypy."""
    session.run("mypy")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """The site, warnings being errors; ``-- serve`` shows it."""
    session.run("sphinx-build", "-W", "--keep-going", "-n", "docs", "docs/_build/html")
    if "serve" in session.posargs:
        session.run("python", "-m", "http.server", "--directory", "docs/_build/html")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite: the long tests, the examples of the docstrings and the README included."""
    session.install(".[cpu,test]")
    session.run("python", "-m", "pytest", "-m", "cluster", *session.posargs)  # by themselves
    session.run("python", "-m", "pytest", "-m", "not cluster", "-n", "2", *session.posargs)


@nox.session(python="3.11")
def mutation(session: nox.Session) -> None:
    """What share of small faults in the code the tests notice; ``-- measures`` in one file only."""
    session.install(".[cpu,test]", "cosmic-ray>=8.4")
    folder = Path(session.create_tmp())
    clone = _clone(session, folder)  # files are changed in place
    wanted = session.posargs or MUTATED
    for name in wanted:
        files, tests = MUTATED[name]
        (folder / "config.toml").write_text(COSMIC_RAY.format(files=files, tests=tests))
        state = f"../{name}.sqlite"
        with session.chdir(clone):
            session.run("cosmic-ray", "init", "../config.toml", state)
            session.run("cr-filter-operators", state, "../config.toml")
            fresh = {"PYTHONDONTWRITEBYTECODE": "1"}  # two versions of a file may share a second
            session.run("cosmic-ray", "exec", "../config.toml", state, env=fresh)
            session.run("cr-report", "--surviving-only", "--show-diff", state)
            session.run("cr-rate", state)


@nox.session(python=False)
def benchmarks(session: nox.Session) -> None:
    """Every table of benchmarks/; ``-- --quick`` in a minute."""
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python="3.11")
def benchmark_peers(session: nox.Session) -> None:
    """The same formula in SpikingJelly, snnTorch, Norse and spyx, on Python 3.11."""
    session.install(".[train]", "torch", "spikingjelly", "snntorch", "norse", "spyx")
    session.run("python", "-m", "benchmarks", "--only", "peers", *session.posargs)
