"""Development tasks; without arguments, those that `.ci/run` runs."""

import argparse
import random
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import nox


def _starts(command: str) -> bool:
    """Whether it is here and starts: a name on the path may lead nowhere."""
    try:
        return subprocess.run([command, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PRESENT = [python for python in PYTHONS if _starts(f"python{python}")]


def _clone(session: nox.Session, folder: Path) -> Path:
    clone = folder.absolute() / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    session.run("git", "clone", "--quiet", ".", str(clone), external=True)
    return clone


# What `mutation` changes, and the tests that must notice.
# Every room that decides something; what it draws or prints is looked at by people.
MUTATED = {
    "surrogate": ("_surrogate", "unit/surrogate"),
    "registry": ("_registry", "unit/registry unit/test_candidates.py integration/test_plugins.py"),
    "kit": ("testing.py", "unit/test_testing.py unit/surrogate/test_conformance.py"),
    "models": ("_models", "unit/models unit/gradient_flow"),
    "memory": ("_memory", "unit/memory"),
    "jaxpr": ("_jaxpr.py", "unit/gradient_flow unit/memory"),
    "checks": ("_checks.py", "unit/test_checks.py"),
    "measures": ("_gradient_flow/measures.py", "unit/gradient_flow/test_measures.py"),
    "diagnose": (
        "_gradient_flow/diagnose.py",
        "unit/gradient_flow/test_diagnosis.py unit/gradient_flow/test_changes.py",
    ),
    "trial": ("_gradient_flow/trial.py", "unit/gradient_flow/test_trial.py"),
    "flow": ("_gradient_flow", "unit/gradient_flow"),
    "records": ("records", "unit/records unit/plotting unit/gradient_flow/test_diagnosis.py"),
    "causes": ("_gradient_flow/causes", "unit/gradient_flow/test_diagnosis.py"),
    "statistics": ("_statistics.py", "unit/test_statistics.py"),
    "comparison": ("_comparison", "unit/comparison integration/comparison"),
}
COSMIC_RAY = """
[cosmic-ray]
module-path = "{files}"
timeout = 600.0
excluded-modules = []
test-command = "python -m pytest -x -q -m 'not cluster' {tests}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]  # unions in annotations
"""

FAULTS = """
SELECT job_id FROM mutation_specs LEFT JOIN work_results USING (job_id)
WHERE worker_outcome IS NULL  -- not filtered out
ORDER BY module_path, operator_name, operator_args, occurrence, start_pos_row, start_pos_col
"""

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["readme", "lint", "types", "docs", f"tests-{PRESENT[-1]}"]


def _keep_a_sample(state: Path, count: int, seed: int) -> None:
    """Leave that many faults in cosmic-ray's list."""
    with closing(sqlite3.connect(state)) as database, database:
        jobs = [job for (job,) in database.execute(FAULTS)]
        kept = random.Random(seed).sample(jobs, min(count, len(jobs)))
        for table in ("work_results", "mutation_specs", "work_items"):
            marks = ", ".join("?" * len(kept))
            database.execute(f"DELETE FROM {table} WHERE job_id NOT IN ({marks})", kept)


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
    """Types of the package, and of the code on the pages, by mypy."""
    session.run("mypy")
    session.run("python", "docs/typed_pages.py")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """The site, warnings being errors, and all links and anchors in it; ``-- serve`` shows it."""
    site = "docs/_build/html"
    session.run("sphinx-build", "-j", "auto", "-W", "--keep-going", "-n", "docs", site)
    options = "-q -p no:cacheprovider -c /dev/null --check-links --check-anchors --links-ext html"
    with session.chdir(site):
        outside = ("--check-links-ignore", "https?://.*")  # nothing is fetched
        session.run("python", "-m", "pytest", *options.split(), *outside, "--rootdir", ".", ".")
    if "serve" in session.posargs:
        session.run("python", "-m", "http.server", "--directory", site)


@nox.session
def build(session: nox.Session) -> None:
    """Source archive and wheel in dist/, of what is committed: checked, installed, tried."""
    session.install("build", "twine")
    clone = _clone(session, Path(session.create_tmp()))
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", "dist", str(clone))
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    fresh = clone.parent / "fresh"
    session.run("python", "-m", "venv", "--clear", str(fresh))
    [wheel] = Path("dist").absolute().glob("*.whl")
    python = str(fresh / "bin" / "python")
    session.run(python, "-m", "pip", "install", "--quiet", f"{wheel}[cpu,train]", external=True)
    example = re.findall(r"```python\n(import .*?)```", Path("README.md").read_text(), re.S)[0]
    with session.chdir(fresh):  # away from the sources
        session.run(python, "-c", example, external=True)
        session.run(python, "-m", "braintools_qps", "list", external=True)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """What `pytest -n 2` runs, the examples of the docstrings and the README included."""
    session.install(".[cpu,test]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session(python=PYTHONS)
def thorough(session: nox.Session) -> None:
    """The tests that `tests` leaves out: the long ones, and those that start clusters."""
    session.install(".[cpu,test]")
    session.run("python", "-m", "pytest", "-m", "cluster", *session.posargs)  # by themselves
    marked = "thorough and not cluster"
    session.run("python", "-m", "pytest", "-m", marked, "-n", "2", *session.posargs)


@nox.session(python=PRESENT)
@nox.parametrize("order", ["given", "random"])
def everything(session: nox.Session, order: str) -> None:
    """`tests` and `thorough` on each Python that is here, in both orders, before a release."""
    session.install(".[cpu,test]", "pytest-randomly>=3.16")
    options = [*session.posargs, *([] if order == "random" else ["-p", "no:randomly"])]
    session.run("python", "-m", "pytest", "-m", "cluster", *options)  # by themselves
    session.run("python", "-m", "pytest", "-m", "not cluster", "-n", "2", *options)


@nox.session(python="3.11")
@nox.parametrize("threads", [1, 2])
@nox.parametrize("instructions", ["SSE4_2", "AVX2", "all"])
def processors(session: nox.Session, instructions: str, threads: int) -> None:
    """The tests as they run on other processors (x86)."""
    session.install(".[cpu,test]")
    limit = "" if instructions == "all" else f"--xla_cpu_max_isa={instructions}"
    # JAX's cache does not tell programs for one thread from those for two.
    cache = f"cache_dir=.pytest_cache/{instructions}-{threads}"
    env = {"XLA_FLAGS": limit, "PJRT_NPROC": str(threads)}
    session.run("python", "-m", "pytest", "-n", "2", "-o", cache, *session.posargs, env=env)


@nox.session(python="3.11")
def mutation(session: nox.Session) -> None:
    """What share of small faults the tests notice; ``-- registry --sample 60``: of 60 in a room."""
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", default=list(MUTATED))
    options.add_argument("--sample", type=int, help="how many faults, drawn at random")
    options.add_argument("--seed", type=int, default=0, help="of the drawing")
    chosen = options.parse_args(session.posargs)
    session.install(".[cpu,test]", "cosmic-ray>=8.4")
    folder = Path(session.create_tmp())
    clone = _clone(session, folder)  # files are changed in place
    for name in chosen.names:
        files, tests = MUTATED[name]
        tests = " ".join([f"braintools_qps/{files}", *(f"tests/{path}" for path in tests.split())])
        config = COSMIC_RAY.format(files=f"braintools_qps/{files}", tests=tests)
        (folder / "config.toml").write_text(config)
        state = f"../{name}.sqlite"
        with session.chdir(clone):
            session.run("cosmic-ray", "baseline", "../config.toml")  # a wrong path notices all
            session.run("cosmic-ray", "init", "../config.toml", state)
            session.run("cr-filter-operators", state, "../config.toml")
            if chosen.sample:
                _keep_a_sample(folder / f"{name}.sqlite", chosen.sample, chosen.seed)
            fresh = {"PYTHONDONTWRITEBYTECODE": "1"}  # two versions of a file may share a second
            session.run("cosmic-ray", "exec", "../config.toml", state, env=fresh)
            session.run("cr-report", "--surviving-only", "--show-diff", state)
            session.run("cr-rate", state)


@nox.session(python=False)
def figures(session: nox.Session) -> None:
    """The comparison of the README, run again and written into the pages, before a release."""
    session.run("python", "docs/figures/default_comparison.py", *session.posargs)


@nox.session(python=False)
def benchmarks(session: nox.Session) -> None:
    """Every table of benchmarks/; ``-- --quick`` in a minute."""
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python=["3.11", "3.13"])
def benchmark_peers(session: nox.Session) -> None:
    """A training step in other libraries, at both ends of the versions."""
    peers = "torch", "spikingjelly", "snntorch", "norse", "spyx", "jaxpike"
    session.install(".[cpu,train]", *peers)
    session.run("python", "-m", "benchmarks", "--only", "peers", *session.posargs)
