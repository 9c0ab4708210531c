"""Processes for which the CPU is another one: several devices, or fewer instructions."""

import os


def environment(flag):
    """Variables for a process on the CPU with one more flag of XLA; those that are set stay."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    return os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


def with_devices(count):
    """Variables for a process that sees ``count`` CPU devices."""
    return environment(f"--xla_force_host_platform_device_count={count}")
