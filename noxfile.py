"""Development tasks: tests, lint, types, docs (``-- serve`` shows the site), benchmarks."""

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "types", "docs"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite, the examples of the docstrings and the README included."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


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


@nox.session(python=False)
def benchmarks(session: nox.Session) -> None:
    """Every table of benchmarks/; ``-- --quick`` in a minute."""
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python="3.11")
def benchmark_peers(session: nox.Session) -> None:
    """The same formula in SpikingJelly, snnTorch, Norse and spyx, on Python 3.11."""
    session.install(".[train]", "torch", "spikingjelly", "snntorch", "norse", "spyx")
    session.run("python", "-m", "benchmarks", "--only", "peers", *session.posargs)
