"""An x86 processor without F16C, on which XLA has no float16, in a process of its own."""

import subprocess
import sys

import another_cpu
import pytest

PROGRAM = """
import jax
from braintools_qps import QPseudoSpike
from braintools_qps.testing import check_surrogate

# (1 + 2 / 3)^-2 = 9 / 25; bfloat16 has eight bits
assert abs(jax.grad(QPseudoSpike(2.0, residual_dtype="bfloat16"))(1.0) - 0.36) < 0.36 * 2**-8
check_surrogate("QPseudoSpike")
"""


@pytest.mark.thorough
def test_what_needs_no_float16_works_without_it():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=another_cpu.environment("--xla_cpu_max_isa=SSE4_2"),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
