"""Processes that see several CPU devices."""

import os


def environment(count):
    """Variables for a process that sees ``count`` CPU devices; other flags of XLA stay."""
    flags = os.environ.get("XLA_FLAGS", ""), f"--xla_force_host_platform_device_count={count}"
    return os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join(flags).strip()}
