"""Collects suite.txt: the tests of the CPU, on the accelerator that JAX finds."""

from pathlib import Path

import jax
import pytest

TESTS = Path(__file__).parents[1]


class Suite(pytest.File):
    """The modules that a text file names, each with its own fixtures and tables."""

    def collect(self):
        files = [TESTS / name for name in self.path.read_text().split()]
        assert all(file.exists() for file in files)
        if jax.default_backend() == "cpu":
            pytest.skip(f"no accelerator: JAX finds {jax.devices()}", allow_module_level=True)
        # Against a CPU's results, products of matrices must not be rounded to ten bits.
        jax.config.update("jax_default_matmul_precision", "highest")
        for file in files:
            yield pytest.Module.from_parent(self, path=file)


def pytest_collect_file(file_path, parent):
    if file_path.name == "suite.txt":
        return Suite.from_parent(parent, path=file_path)
    return None
