"""Side-by-side timing of surrogates: ``python -m benchmarks``."""

import os

# Before JAX starts: the processes of `peers` share the memory of an accelerator.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
